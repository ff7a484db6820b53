"""Faults in the field that must not end the daemon's process."""

import shutil
import signal
import subprocess
from pathlib import Path

from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from edge.resources import MODELS
from tests.support.daemon_settings import OFF, daemon_settings
from tests.support.listeners import Listener, want_another_password
from tests.support.packs import crashing_pack

HAPPY = "I am so happy about this!"


def _answers_a_text(subscriber: Subscriber, process: subprocess.Popen[str]) -> bool:
    subscriber.client.publish("emotion/kiosk/set/text", HAPPY, qos=1)
    subscriber.until("text/state")
    return process.poll() is None


def test_a_model_whose_file_is_corrupted_works_until_reload_and_then_degrades_alone(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models)
    settings = daemon_settings(
        broker.port, models={"folder": str(models)}, microphone={"source": "none such"}
    )
    settings["mqtt"]["modality_states"] = True
    good = (models / "speech.tflite").read_bytes()
    with daemon(tmp_path, settings) as process:
        subscriber.until("text/status", "ok")
        for name in ("speech", "text"):
            (models / f"{name}.tflite").write_bytes(b"rubbish" * 1000)
        assert _answers_a_text(subscriber, process)
        (models / "text.tflite").write_bytes((MODELS / "text.tflite").read_bytes())
        process.send_signal(signal.SIGHUP)
        received = subscriber.until("text/status", "ok")
        speech = [status for topic, status in received if topic.endswith("speech/status")][-1]
        assert speech.startswith("degraded: speech.tflite: ")  # without its folder
        assert "sha256" in speech
        assert _answers_a_text(subscriber, process)
        (models / "speech.tflite").write_bytes(good)
        process.send_signal(signal.SIGHUP)
        subscriber.until("kiosk/status", "online")
        speech = subscriber.until("speech/status")[-1][1]
        assert speech.startswith("degraded: microphone 'none such'")


def test_a_model_that_would_end_the_daemon_degrades_alone(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models)
    crashing_pack(models)
    settings = daemon_settings(
        broker.port, models={"folder": str(models)}, microphone={"source": "none such"}
    )
    settings["mqtt"]["modality_states"] = True
    with daemon(tmp_path, settings) as process:
        received = subscriber.until("text/status", "ok")
        speech = [status for topic, status in received if topic.endswith("speech/status")][-1]
        assert speech.startswith("degraded: ")
        assert "speech.json: running it ends the process (SIGSEGV)" in speech
        assert _answers_a_text(subscriber, process)


def test_a_process_that_was_stopped_for_a_while_continues(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    settings = daemon_settings(broker.port, camera=OFF)
    settings["mqtt"] |= {"modality_states": True, "keepalive_s": 5}
    with daemon(tmp_path, settings) as process:
        subscriber.until("text/status", "ok")
        process.send_signal(signal.SIGSTOP)
        subscriber.until("kiosk/status", "offline", timeout_s=15)
        process.send_signal(signal.SIGCONT)
        subscriber.until("kiosk/status", "online")
        assert _answers_a_text(subscriber, process)


def test_the_broker_is_away_while_the_configuration_changes(
    tmp_path: Path, broker: Mosquitto
) -> None:
    subscriber = Subscriber(broker.port)
    with daemon(tmp_path, daemon_settings(broker.port)) as process:
        subscriber.until("text/status", "ok")
        broker.stop()
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        while "no broker at" not in (line := process.stderr.readline()):
            assert line, "the daemon ended"
        broker.start()
        subscriber.until("kiosk/status", "online")
        subscriber.until("text/status", "ok")
        assert process.poll() is None
    subscriber.close()


def test_ffmpeg_writes_no_line_of_its_own_about_a_camera_that_refuses_it(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    camera = Listener(want_another_password)
    source = {"source": f"rtsp://admin:pa%2Fss@{HOST}:{camera.port}/stream"}
    settings, log = daemon_settings(broker.port, camera=source, text=OFF), tmp_path / "log"
    with log.open("w") as stderr, daemon(tmp_path, settings, stderr.fileno()) as process:
        status = subscriber.until("face/status")[-1][1]
        process.terminate()
        process.wait(10)
    camera.close()
    assert "does not take this one" in status
    others = [
        line for line in log.read_text().splitlines() if not line.startswith(("INFO ", "WARNING "))
    ]
    assert others == []
