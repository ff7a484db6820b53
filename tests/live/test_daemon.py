"""The daemon as a process, with real models, real clips and a real broker."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.capture.media import read_frames
from edge.commands.demo.broker import HOST
from edge.publish.messages import json_schema
from edge.values import MODALITIES
from tests.support.daemon_settings import daemon_settings
from tests.support.packs import pack_with_own_labels


def _settings(port: int, **changes: Any) -> dict[str, Any]:
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    mqtt = {"host": HOST, "port": port, "device": "kiosk", "modality_states": True}
    return {"camera": clip, "microphone": clip, "mqtt": mqtt} | changes


def test_a_clip_becomes_messages_that_fit_the_shipped_schemas(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, _settings(broker.port)) as process:
        received = subscriber.until("kiosk/event")
        subscriber.client.publish("emotion/kiosk/set/text", "I am so happy about this!")
        received += subscriber.until("text/state")
        received += subscriber.until("speech/state")
        process.send_signal(signal.SIGTERM)
        received += subscriber.until("kiosk/status", "offline")
    by_topic: dict[str, list[str]] = {}
    for topic, payload in received:
        by_topic.setdefault(topic.removeprefix("emotion/kiosk/"), []).append(payload)
    for name in ("info", "state", "event"):
        for payload in by_topic[name]:
            jsonschema.validate(json.loads(payload), json_schema(name))
    for modality in ("face", "speech", "text"):
        assert "ok" in by_topic[f"{modality}/status"]
        for payload in by_topic[f"{modality}/state"]:
            jsonschema.validate(json.loads(payload), json_schema("modality"))
    info = json.loads(by_topic["info"][-1])["data"]
    assert set(info["models"]) == set(info["modalities"]) == {"face", "speech", "text"}
    events = [json.loads(payload)["data"] for payload in by_topic["event"]]
    assert (events[0]["emotion"], events[0]["phase"]) == ("happy", "start")
    assert events[-1]["phase"] == "end"
    assert by_topic["status"] == ["online", "offline"]


def test_two_people_are_counted_and_the_nearer_one_is_reported(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    person = next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels[60:300, 110:350]
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[60:390, 300:630] = cv2.resize(person, (330, 330))
    scene[100:300, 20:220] = cv2.resize(person, (200, 200))
    clip = tmp_path / "two.avi"
    video = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (640, 480))
    for _ in range(30):
        video.write(scene)
    video.release()
    settings = _settings(
        broker.port,
        camera={"source": str(clip), "loop": True},
        microphone={"enabled": False},
        models={"face": {"detector": "full", "detect_every": 4}},
    )
    with daemon(tmp_path, settings):
        received = subscriber.until("kiosk/event")
    topic, payload = received[-1]
    data = json.loads(payload)["data"]
    assert topic.endswith("kiosk/event")
    assert (data["emotion"], data["subject"], data["faces"]) == ("happy", 1, 2)


def test_a_pack_with_labels_of_its_own_publishes_them_as_native(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    settings = _settings(
        broker.port,
        microphone={"enabled": False},
        models={"face": {"model": str(pack_with_own_labels(tmp_path, "face"))}},
    )
    with daemon(tmp_path, settings):
        received = subscriber.until("kiosk/event")
    states = [json.loads(payload) for topic, payload in received if topic.endswith("face/state")]
    for state in states:
        jsonschema.validate(state, json_schema("modality"))
    native, seven = (states[-1]["data"][key] for key in ("native", "probabilities"))
    assert {"engaged", "bored"} < set(native)
    assert not {"happiness", "neutral"}.intersection(native)
    assert max(native, key=native.__getitem__) == "engaged"
    assert max(seven, key=seven.__getitem__) == "happy"
    event = json.loads(received[-1][1])["data"]
    assert (event["emotion"], event["phase"]) == ("happy", "start")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_a_second_and_offline_is_published(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, number: signal.Signals
) -> None:
    with daemon(tmp_path, _settings(broker.port)) as process:
        subscriber.until("face/state")
        process.send_signal(number)
        started_s = time.monotonic()
        assert process.wait(5) == 0
        assert time.monotonic() - started_s < 1.0
    assert subscriber.until("kiosk/status", "offline")
    late = Subscriber(broker.port, client_id="late")
    retained = dict(late.receive(6))
    late.close()
    statuses = {name: retained[f"emotion/kiosk/{name}/status"] for name in MODALITIES}
    assert statuses == dict.fromkeys(MODALITIES, "off")
    assert json.loads(retained["emotion/kiosk/state"])["data"]["emotion"] == "unknown"


def test_the_last_will_reports_a_killed_daemon_as_offline_and_the_next_ends_its_episodes(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, _settings(broker.port)) as process:
        subscriber.until("kiosk/status", "online")
        event = json.loads(subscriber.until("kiosk/event")[-1][1])
        process.kill()
        subscriber.until("kiosk/status", "offline")
    with daemon(tmp_path, _settings(broker.port)):
        end = json.loads(subscriber.until("kiosk/event")[-1][1])
    assert (end["id"], end["data"]["phase"]) == (event["id"], "end")


def test_texts_are_read_without_devices_and_other_models(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    settings = _settings(
        broker.port,
        camera={"source": "/dev/no-camera"},
        microphone={"source": "no such microphone"},
        models={"face": {"model": "none.json"}},
    )
    with daemon(tmp_path, settings) as process:
        received = dict(subscriber.until("text/status", "ok"))
        if "emotion/kiosk/speech/status" not in received:
            received |= dict(subscriber.until("speech/status"))
        for payload in (b"", b"\xff", b"{no json", b"x" * 1_000_000):
            subscriber.client.publish("emotion/kiosk/set/text", payload, qos=1)
        subscriber.client.publish("emotion/kiosk/set/text", "I am so happy about this!", qos=1)
        answered = subscriber.until("text/state")
        received |= dict(answered)
        event = subscriber.events(1)[0]
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=5)
    assert json.loads(received["emotion/kiosk/text/state"])["data"]["emotion"] == "happy"
    assert (event["data"]["emotion"], event["data"]["phase"]) == ("happy", "start")
    assert event["data"]["contributions"] == {"text": 1.0}
    assert "cannot read the manifest" in received["emotion/kiosk/face/status"]
    assert received["emotion/kiosk/speech/status"].startswith("degraded: microphone 'no such")
    assert "happy about" not in log
    assert log.count("set/text ignored: text is empty") == 1
    errors = [json.loads(payload) for topic, payload in answered if topic.endswith("kiosk/error")]
    sentences = ("text is empty", "not UTF-8", "starts like JSON", "1000000 bytes is longer")
    for error, sentence in zip(errors, sentences, strict=True):
        jsonschema.validate(error, json_schema("error"))
        assert error["data"]["command"] == "set/text"
        assert sentence in error["data"]["reason"]


def test_voices_are_read_without_a_camera(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    settings = _settings(broker.port, camera={"source": "/dev/no-camera"})
    with daemon(tmp_path, settings):
        subscriber.until(
            "face/status",
            "degraded: camera '/dev/no-camera': /dev/no-camera not found; "
            "plug it in or set camera.source",
        )
        state = json.loads(subscriber.until("speech/state")[-1][1])
    assert state["data"]["modality"] == "speech"


def test_a_broker_that_comes_late_gets_everything(tmp_path: Path, broker: Mosquitto) -> None:
    subscriber = Subscriber(broker.port)
    broker.stop()
    with daemon(tmp_path, _settings(broker.port)) as process:
        assert process.stderr is not None
        while "no broker at" not in (line := process.stderr.readline()):
            assert line, "the daemon ended"
        time.sleep(1.0)  # the clip keeps playing: events accumulate
        broker.start()
        event = subscriber.events(1)[0]
    assert event["data"]["replayed"]
    assert event["data"]["sequence"] == 0
    subscriber.close()


def test_a_faulty_configuration_stops_it_and_the_line_is_logged(tmp_path: Path) -> None:
    with daemon(tmp_path, {"camera": {"sauce": 0}}) as process:
        _, log = process.communicate(timeout=10)
        assert process.returncode == 78
    assert "config.yaml:2: camera.sauce: unknown key; did you mean camera.source?" in log


def _off_and_state(subscriber: Subscriber) -> tuple[list[tuple[str, str]], list[Any]]:
    """Returns messages up to a face that is off and a state, whichever comes first, and states."""
    received = subscriber.until("face/status", "off")
    if not any(topic.endswith("kiosk/state") for topic, _ in received):
        received += subscriber.until("kiosk/state")
    states = [payload for topic, payload in received if topic.endswith("kiosk/state")]
    return received, [json.loads(one) for one in states]


def test_a_pause_ends_episodes_closes_the_devices_and_survives_a_restart(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    def state() -> Any:
        return json.loads(subscriber.until("kiosk/state")[-1][1])["data"]

    with daemon(tmp_path, _settings(broker.port)) as process:
        subscriber.until("kiosk/event")
        subscriber.client.publish("emotion/kiosk/set/pause", "on", qos=1)
        while not (data := state())["paused"]:
            pass
        assert (data["emotion"], data["probabilities"]) == ("unknown", {})
        subscriber.client.publish("emotion/kiosk/set/text", "I am happy", qos=1)
        refused = json.loads(subscriber.until("kiosk/error")[-1][1])["data"]
        assert "set/pause" in refused["reason"]
        process.send_signal(signal.SIGTERM)
        left = subscriber.until("kiosk/status", "offline")
        states = [json.loads(payload) for topic, payload in left if "/state" in topic]
        assert all(state["data"]["paused"] for state in states)
    with daemon(tmp_path, _settings(broker.port)):
        quiet, states = _off_and_state(subscriber)
        assert all(state["data"]["paused"] for state in states)
        subscriber.client.publish("emotion/kiosk/set/pause", "of", qos=1)
        quiet += subscriber.until("kiosk/error")
        assert "expected `on` or `off`" in quiet[-1][1]
        subscriber.client.publish("emotion/kiosk/set/pause", "off", qos=1)
        subscriber.until("face/status", "ok")
        assert not state()["paused"]
        subscriber.until("kiosk/event")
    assert not [topic for topic, _ in quiet if topic.endswith(("/event", "face/state"))]


def test_quiet_hours_close_the_camera(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    always = {"quiet_hours": ["00:00-12:00", "12:00-00:00"]}
    with daemon(tmp_path, _settings(broker.port) | always):
        _, states = _off_and_state(subscriber)
    assert all(state["data"]["paused"] for state in states)


def test_a_pause_fixes_no_model(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> None:
    off = {"enabled": False}
    settings = _settings(
        broker.port, camera=off, microphone=off, models={"text": {"model": "none.json"}}
    )
    with daemon(tmp_path, settings):
        (*_, (_, status)) = subscriber.until("text/status")
        assert status.startswith("degraded: ")
        subscriber.client.publish("emotion/kiosk/set/text", "hello", qos=1)
        assert "see text/status" in subscriber.until("kiosk/error")[-1][1]
        subscriber.client.publish("emotion/kiosk/set/pause", "on", qos=1)
        subscriber.until("text/status", "off")
        subscriber.client.publish("emotion/kiosk/set/pause", "off", qos=1)
        assert subscriber.until("text/status")[-1][1] == status


def test_an_external_sensor_contributes_to_the_belief(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    off = {"enabled": False}
    settings = _settings(broker.port, camera=off, microphone=off, fusion={"outside": ["posture"]})
    with daemon(tmp_path, settings):
        subscriber.until("text/status", "ok")
        for payload in (
            {"modality": "gait", "probabilities": {"sad": 1.0}},
            {"modality": "posture", "probabilities": {"sad": 0.4}},
            {"modality": "posture", "probabilities": {"sad": 2.0}},
            {"modality": "posture", "probabilities": {"bored": 1.0}},
            {"modality": "posture"},
            ["posture"],
        ):
            command = json.dumps(payload)
            subscriber.client.publish("emotion/kiosk/set/observation", command, qos=1)
        observation = {"modality": "posture", "probabilities": {"sad": 0.9, "neutral": 0.1}}
        for _ in range(3):
            subscriber.client.publish(
                "emotion/kiosk/set/observation", json.dumps(observation), qos=1
            )
        received = subscriber.until("kiosk/event")
    event = json.loads(received[-1][1])["data"]
    assert (event["emotion"], event["contributions"]) == ("sad", {"posture": 1.0})
    reasons = [
        json.loads(payload)["data"]["reason"]
        for topic, payload in received
        if topic.endswith("kiosk/error")
    ]
    bad = "not an observation as described in docs/mqtt.md"
    expected = ("not listed in fusion.outside", "not a distribution", bad, bad, bad, bad)
    assert len(reasons) == len(expected)
    assert all(part in reason for part, reason in zip(expected, reasons, strict=True))


def test_health_is_published_and_fits_its_schema(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    settings = _settings(broker.port)
    settings["mqtt"]["health_interval_s"] = 2.0
    with daemon(tmp_path, settings):
        subscriber.until("kiosk/event")
        subscriber.until("kiosk/health")
        health = json.loads(subscriber.until("kiosk/health")[-1][1])
    jsonschema.validate(health, json_schema("health"))
    data = health["data"]
    assert 5 <= data["stages"]["face"]["per_s"] <= 20
    assert 0 < data["stages"]["face"]["p50_ms"] <= data["stages"]["face"]["p99_ms"]
    assert 0 < data["stages"]["fusion"]["p50_ms"] < 20
    assert data["delivery"]["acknowledged"] >= 1
    assert 40 < data["rss_mb"] < 300
    assert data["cpu_percent"] > 0


def test_a_voice_assistant_feeds_the_daemon_with_what_it_recognizes(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    topic = "hermes/asr/textCaptured"
    settings = daemon_settings(broker.port)
    settings["text"] = {"topics": [{"topic": topic, "path": "text", "where": {"siteId": "kiosk"}}]}
    heard = {"siteId": "kiosk", "text": "I am so happy about this!", "likelihood": 1.0}
    with daemon(tmp_path, settings) as process:
        subscriber.until("text/status", "ok")
        for payload in (
            json.dumps(heard | {"siteId": "kitchen"}).encode(),
            b"[" * 8000,
            b"x" * 1_000_000,
            json.dumps(heard | {"text": ["secret"]}).encode(),
            json.dumps(heard).encode(),
        ):
            subscriber.client.publish(topic, payload, qos=1)
        received = subscriber.until("kiosk/event")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=5)
    errors = [json.loads(one)["data"] for name, one in received if name.endswith("kiosk/error")]
    assert [one["command"] for one in errors] == [topic] * 3
    assert "has no text at 'text'" in errors[-1]["reason"]
    event = json.loads(received[-1][1])["data"]
    assert (event["emotion"], event["contributions"]) == ("happy", {"text": 1.0})
    assert "happy about" not in log
    assert "secret" not in log
