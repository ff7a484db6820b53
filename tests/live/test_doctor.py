"""The doctor with real brokers, and with a microphone that ALSA plays from a file."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
import yaml

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.capture.media import read_sound
from edge.commands.demo.broker import HOST, embedded_broker, free_port
from edge.commands.doctor.broker import probe_broker
from edge.commands.doctor.doctor import diagnose
from edge.commands.doctor.report import BrokerReport
from edge.config import Tls
from edge.publish.messages import ModalityStatus
from tests.support.alsa import ALSA_CONF
from tests.support.listeners import Listener, keep_silent, refuse_mqtt_5
from tests.support.publishing import COMPOSER, UNKNOWN, Connect, mqtt_settings
from tests.support.waiting import wait_until

TIMEOUT_S = 5.0
SHORT_S = 0.3
"""Patience where nothing is expected."""
WRITE_ONLY = "pattern write emotion/%u/+\n"
READ_ONLY = "pattern read emotion/%u/#\n"


def _visit(port: int, timeout_s: float = TIMEOUT_S, **settings: Any) -> BrokerReport:
    return probe_broker(mqtt_settings(port, **settings), timeout_s, SHORT_S)


def _account(folder: Path, password: str = "kiosk's") -> dict[str, Any]:  # noqa: S107
    file = folder / "secret"
    file.write_text(f"{password}\n")
    return {"username": "kiosk", "password_file": str(file)}


@pytest.mark.parametrize("protocol", [5, "3.1.1"])
def test_the_shipped_access_list_lets_the_doctor_read_its_own_message_and_the_daemons_status(
    tmp_path: Path, guarded: Mosquitto, connect: Connect, protocol: Any
) -> None:
    account = _account(tmp_path)
    before = _visit(guarded.port, **account)
    assert (before.daemon.verdict, "never online on this broker" in before.daemon.found) == (
        "warn",
        True,
    )
    publisher = connect(guarded.port, **account)
    publisher.publish(ModalityStatus("face", "ok"))
    publisher.publish(ModalityStatus("speech", "degraded: no microphone"))
    wait_until(lambda: publisher.connected)
    visit = _visit(guarded.port, protocol=protocol, **account)
    verdicts = [one.verdict for one in (visit.session, visit.echo, visit.daemon)]
    assert verdicts == ["pass", "pass", "warn"]
    assert "is online; face: ok, speech: degraded: no microphone" in visit.daemon.found
    publisher.publish(ModalityStatus("speech", "ok"))
    wait_until(lambda: _visit(guarded.port, **account).daemon.verdict == "pass")
    assert f"MQTT {protocol}" in visit.session.found
    assert 0 < visit.echo.figures["round_trip_ms"] < 1000
    assert visit.statuses == {"face": "ok", "speech": "degraded: no microphone"}
    publisher.stop()
    after = _visit(guarded.port, **account)
    assert (after.daemon.verdict, "is offline" in after.daemon.found) == ("warn", True)
    assert after.statuses == {}


def test_the_daemons_session_survives_the_visits_and_nothing_is_retained(
    broker: Mosquitto,
    subscriber: Subscriber,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    publisher = connect(broker.port)
    subscriber.until("kiosk/status", "online")
    for _ in range(3):
        assert _visit(broker.port).echo.verdict == "pass"
        topics = {topic for topic, _ in subscriber.until("kiosk/doctor")}
        assert topics == {"emotion/kiosk/doctor"}
    assert publisher.connected
    assert "lost the broker" not in caplog.text
    late = Subscriber(broker.port, client_id="late")
    assert {topic for topic, _ in late.receive(1)} == {"emotion/kiosk/status"}
    late.close()


def test_a_daemon_that_is_online_but_publishes_no_state_is_not_well(
    broker: Mosquitto, connect: Connect
) -> None:
    publisher = connect(broker.port)
    publisher.publish(COMPOSER.state(UNKNOWN))
    wait_until(lambda: publisher.connected)
    settings = mqtt_settings(broker.port, heartbeat_s=0.2)
    hanging = probe_broker(settings, TIMEOUT_S)
    assert (hanging.daemon.verdict, hanging.healthy) == ("warn", False)
    assert "is online, but published no state for 3 s" in hanging.daemon.found
    publisher.publish(ModalityStatus("face", "degraded: no camera"))
    ended = threading.Event()

    def publish() -> None:
        while not ended.wait(0.2):
            publisher.publish(COMPOSER.state(UNKNOWN))

    daemon = threading.Thread(target=publish)
    daemon.start()
    visit = probe_broker(settings, TIMEOUT_S)
    ended.set()
    daemon.join()
    assert (visit.daemon.verdict, visit.healthy) == ("warn", True)
    assert visit.daemon.found.endswith("is online; face: degraded: no camera")


@pytest.mark.parametrize("guarded", [READ_ONLY], indirect=True)
def test_an_access_list_that_forbids_publishing_is_noticed(
    tmp_path: Path, guarded: Mosquitto
) -> None:
    echo = _visit(guarded.port, **_account(tmp_path)).echo
    assert echo.verdict == "fail"
    assert "refuses a message on emotion/kiosk/doctor (Not authorized)" in echo.found
    assert "allow this user to write and read emotion/kiosk/doctor" in echo.remedy
    older = _visit(guarded.port, SHORT_S, protocol="3.1.1", **_account(tmp_path)).echo
    assert older.verdict == "fail"
    assert "did not come back within 0.3 s; the access list may forbid" in older.found


@pytest.mark.parametrize("guarded", [WRITE_ONLY], indirect=True)
def test_an_access_list_that_forbids_reading_ones_own_message_is_noticed(
    tmp_path: Path, guarded: Mosquitto
) -> None:
    echo = _visit(guarded.port, SHORT_S, **_account(tmp_path)).echo
    assert (echo.verdict, "does not let this user read it" in echo.found) == ("warn", True)


def test_a_refusal_is_reported_with_its_reason_and_remedy(
    tmp_path: Path, guarded: Mosquitto
) -> None:
    wrong = _visit(guarded.port, **_account(tmp_path, "wrong"))
    assert wrong.session.found.endswith("refuses user 'kiosk': Not authorized")
    assert "check mqtt.username, mqtt.password_file" in wrong.session.remedy
    assert (wrong.echo.verdict, wrong.daemon.verdict) == ("skip", "skip")
    nameless = _visit(guarded.port).session
    assert "refuses connections without a username" in nameless.found
    assert "credentials are not visible here" in nameless.remedy


def test_a_broker_without_a_needed_feature_fails_with_the_remedy(
    limited: tuple[Mosquitto, str],
) -> None:
    broker, remedy = limited
    session = _visit(broker.port).session
    assert (session.verdict, remedy in session.remedy) == ("fail", True)


def test_the_broker_that_answers_is_visited_and_else_all_are_named(broker: Mosquitto) -> None:
    there = _visit(free_port(), hosts=(f"{HOST}:{broker.port}",))
    assert (there.session.verdict, str(broker.port) in there.session.found) == ("pass", True)
    ports = free_port(), free_port()
    nowhere = _visit(ports[0], hosts=(f"{HOST}:{ports[1]}",))
    assert nowhere.session.verdict == "fail"
    assert all(str(port) in nowhere.session.found for port in ports)


def test_an_unreadable_secret_is_named() -> None:
    visit = _visit(free_port(), username="kiosk", password_file="/none")  # noqa: S106
    assert visit.session.verdict == "fail"
    assert "mqtt.password_file '/none' cannot be used" in visit.session.found


def test_a_missing_broker_and_a_silent_one_are_distinguished_in_bounded_time() -> None:
    missing = _visit(free_port()).session
    assert (missing.verdict, "no broker at 127.0.0.1:" in missing.found) == ("fail", True)
    listener = Listener(keep_silent)
    silent = _visit(listener.port, SHORT_S).session
    assert (silent.verdict, "does not answer in MQTT" in silent.found) == ("fail", True)
    assert listener.accepted == 2
    listener.close()


def test_brokers_that_do_not_know_mqtt_5_are_visited_with_3_1_1() -> None:
    listener = Listener(refuse_mqtt_5)
    assert "MQTT 3.1.1" in _visit(listener.port, SHORT_S).session.found
    listener.close()
    with embedded_broker() as port:
        visit = _visit(port, 1.0)
        assert "MQTT 3.1.1" in visit.session.found
        assert visit.echo.verdict == "pass"


def test_an_untrusted_certificate_is_reported(
    encrypted: Mosquitto, authority: tuple[trustme.CA, Path]
) -> None:
    stranger = _visit(encrypted.port, tls=Tls(enabled=True)).session
    assert (stranger.verdict, "no trusted connection" in stranger.found) == ("fail", True)
    assert stranger.remedy == "check mqtt.tls"
    ca_file = str(authority[1] / "ca.pem")
    trusting = _visit(encrypted.port, tls=Tls(enabled=True, ca_file=ca_file))
    assert trusting.session.found.endswith("encrypted")
    assert trusting.echo.verdict == "pass"


def _config(folder: Path, port: int, **sections: Any) -> Path:
    file = folder / "emotiond.yaml"
    mqtt = {"host": HOST, "port": port, "device": "kiosk", "heartbeat_s": 60}
    file.write_text(yaml.safe_dump({"state_folder": str(folder), "mqtt": mqtt, **sections}))
    return file


def test_devices_in_use_by_the_running_service_are_checked_by_its_status(
    tmp_path: Path, broker: Mosquitto, connect: Connect
) -> None:
    publisher = connect(broker.port)
    publisher.publish(ModalityStatus("face", "ok"))
    publisher.publish(ModalityStatus("speech", "degraded: it stopped"))
    wait_until(lambda: publisher.connected)
    devices = {"camera": {"source": 97}, "microphone": {"source": "/none.wav"}}
    config = _config(tmp_path, broker.port, **devices)
    camera, microphone = diagnose(config, ["camera", "microphone"]).checks
    assert (camera.verdict, camera.found) == (
        "pass",
        "in use by the running service, with status: ok",
    )
    assert microphone.verdict == "fail"
    assert microphone.found.endswith("status from the running service: degraded: it stopped")
    publisher.stop()
    camera, _ = diagnose(config, ["camera", "microphone"]).checks
    assert (camera.verdict, "/dev/video97 not found" in camera.found) == ("fail", True)


def _doctor(folder: Path, port: int, sound: "np.ndarray[Any, Any]", *options: str) -> Any:
    sound.tofile(folder / "sound.raw")
    alsa = folder / "asound.conf"
    alsa.write_text(
        f"<{ALSA_CONF}>\n"
        "pcm.kiosk_microphone {\n"
        "  type file\n  slave.pcm { type null }\n  file /dev/null\n"
        f"  infile {folder / 'sound.raw'}\n  format raw\n"
        '  hint { show on description "from a file" }\n'
        "}\n"
    )
    devices = {"camera": {"source": str(HAPPY_CLIP)}, "microphone": {"source": "kiosk_micro"}}
    config = str(_config(folder, port, **devices))
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", "doctor", "--config", config, *options],
        env=os.environ | {"ALSA_CONFIG_PATH": str(alsa)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not ALSA_CONF.exists(), reason="ALSA is not configured on this machine")
def test_a_healthy_device_passes_every_check_that_applies(
    tmp_path: Path, broker: Mosquitto
) -> None:
    done = _doctor(tmp_path, broker.port, read_sound(HAPPY_CLIP), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    elsewhere = ("broker.daemon", "model.bundle")
    tried = [name for name in checks if not name.startswith("system.") and name not in elsewhere]
    assert {name: checks[name]["verdict"] for name in tried} == dict.fromkeys(tried, "pass")
    assert checks["camera"]["figures"]["width_px"] == 480
    assert -60 < checks["microphone"]["figures"]["level_dbfs"] < 0


@pytest.mark.skipif(not ALSA_CONF.exists(), reason="ALSA is not configured on this machine")
def test_a_muted_microphone_gives_a_warning_that_names_the_others(
    tmp_path: Path, broker: Mosquitto
) -> None:
    silence = np.zeros(32_000, np.int16)
    done = _doctor(tmp_path, broker.port, silence, "--only", "microphone")
    assert done.returncode == 0
    assert "microphone  warn    1.0 s of sound: digital silence" in done.stdout
    assert "microphone.source: 'kiosk_microphone'" in " ".join(done.stdout.split())
