"""The parts of examples/ros2 that do not need ROS, and its messages in ROS's own encoding."""

import json
import queue
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotiond_bridge import conversion
from emotiond_bridge.link import Broker, Link
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from edge.commands.demo.broker import HOST
from tests.support.messages import messages
from tests.support.waiting import wait_until

ROS2 = Path(__file__).parents[2] / "examples" / "ros2"


@pytest.fixture(scope="module")
def types() -> Any:
    """Message types of ROS 2 Humble and of emotiond_msgs."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    own: dict[str, Any] = {}
    for name in ("Emotion", "EmotionEvent"):
        text = (ROS2 / "emotiond_msgs" / "msg" / f"{name}.msg").read_text()
        own |= get_types_from_msg(text, f"emotiond_msgs/msg/{name}")
    store.register(own)
    return store


def through_ros(types: Any, name: str, fields: dict[str, Any]) -> Any:
    """Returns the message that these fields make, encoded to CDR and back; fails on any misfit."""
    message = _filled(types, name, fields)
    return types.deserialize_cdr(types.serialize_cdr(message, name), name)


def _filled(types: Any, name: str, fields: dict[str, Any]) -> Any:
    _, definitions = types.fielddefs[name]
    assert set(fields) == {key for key, _ in definitions}, name
    return types.types[name](**{key: _value(types, kind, fields[key]) for key, kind in definitions})


def _value(types: Any, kind: Any, value: Any) -> Any:
    node, inner = kind
    if node == Nodetype.NAME:
        return _filled(types, inner, value)
    if node == Nodetype.SEQUENCE and inner[0][1][0] == "float32":
        return np.array(value, np.float32)
    if node == Nodetype.SEQUENCE:
        return [_value(types, inner[0], one) for one in value]
    return value[0] if inner[0] == "byte" else value  # rclpy has bytes of one


def test_a_state_becomes_a_message_with_all_its_data(types: Any) -> None:
    state = messages()["state"]
    fields = conversion.emotion(json.dumps(state).encode(), "camera_link")
    message = through_ros(types, "emotiond_msgs/msg/Emotion", fields)
    data = state["data"]
    assert (message.subject, message.faces, message.paused) == (0, 1, False)
    assert message.emotion == type(message).HAPPY
    assert message.confidence == pytest.approx(data["confidence"])
    assert (message.valence, message.arousal) == pytest.approx((data["valence"], data["arousal"]))
    assert message.probabilities.tolist() == pytest.approx(list(data["probabilities"].values()))
    shares = dict(zip(message.modalities, message.shares.tolist(), strict=True))
    assert shares == pytest.approx(data["contributions"])
    assert message.header.frame_id == "camera_link"
    stamp = message.header.stamp
    moment = datetime.fromtimestamp(stamp.sec, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    assert f"{moment}.{stamp.nanosec // 1_000_000:03}Z" == state["time"]


def test_an_event_becomes_a_message_with_its_phase_and_duration(types: Any) -> None:
    event = messages()["event"]
    event["data"] |= {"phase": "end", "sequence": 4, "duration_s": 2.25, "replayed": True}
    fields = conversion.emotion_event(json.dumps(event).encode(), "camera_link")
    message = through_ros(types, "emotiond_msgs/msg/EmotionEvent", fields)
    assert (message.id, message.sequence, message.replayed) == ("one episode", 4, True)
    assert message.phase == type(message).END
    assert (message.duration.sec, message.duration.nanosec) == (2, 250_000_000)
    assert message.belief.emotion == "happy"


def test_a_state_without_observations_is_a_message_too(types: Any) -> None:
    state = messages()["state"]
    state["data"] |= {"emotion": "unknown", "probabilities": {}, "contributions": {}, "subject": 0}
    fields = conversion.emotion(json.dumps(state).encode(), "")
    message = through_ros(types, "emotiond_msgs/msg/Emotion", fields)
    assert message.emotion == type(message).UNKNOWN
    assert (len(message.probabilities), message.modalities) == (0, [])


@pytest.mark.parametrize(
    ("online", "statuses", "level", "text"),
    [
        (None, {}, "STALE", "nothing received"),
        (False, {"face": "ok"}, "ERROR", "offline"),
        (True, {"speech": "degraded: unplugged", "face": "ok"}, "WARN", "degraded: speech"),
        (True, {"face": "ok", "speech": "off"}, "OK", "online"),
    ],
)
def test_statuses_become_diagnostics(
    types: Any, online: bool | None, statuses: dict[str, str], level: str, text: str
) -> None:
    fields = conversion.diagnostic_status("robot", online, statuses)
    message = through_ros(types, "diagnostic_msgs/msg/DiagnosticStatus", fields)
    assert message.level == getattr(type(message), level)
    assert (message.message, message.hardware_id) == (text, "robot")
    assert {value.key: value.value for value in message.values} == statuses


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"\xff", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not an event as in docs/mqtt.md"),
        (b'{"data": {}}', "not an event as in docs/mqtt.md"),
        ({"subject": -1}, "-1 is not a whole number from 0 to 4294967295"),
        ({"duration_s": 1e10}, "10000000000 is not a whole number"),
        ({"phase": "middle"}, "'middle'"),
    ],
)
def test_an_invalid_event_is_refused_with_the_reason(payload: Any, sentence: str) -> None:
    if isinstance(payload, dict):
        event = messages()["event"]
        event["data"] |= payload
        payload = json.dumps(event).encode()
    with pytest.raises(ValueError, match=sentence):
        conversion.emotion_event(payload, "")


@pytest.fixture
def received() -> "queue.Queue[tuple[str, bytes]]":
    return queue.Queue()


def test_the_link_receives_a_daemons_messages_and_sends_texts_and_the_pause(
    tmp_path: Path, broker: Mosquitto, types: Any, received: "queue.Queue[tuple[str, bytes]]"
) -> None:
    def until(path: str, wanted: Callable[[bytes], bool]) -> bytes:
        while True:
            topic, payload = received.get(timeout=10)
            if topic == path and wanted(payload):
                return payload

    lost: list[str] = []
    link = Link(
        Broker(HOST, broker.port, "emotion", "robot"),
        lambda path, payload: received.put((path, payload)),
        lost.append,
    )
    assert not link.send_text("nobody hears this")
    link.start()
    off = {"enabled": False}
    mqtt = {"host": HOST, "port": broker.port, "device": "robot"}
    with daemon(tmp_path, {"camera": off, "microphone": off, "mqtt": mqtt}) as process:
        until("text/status", b"ok".__eq__)
        assert link.send_text("I am so happy about this!")
        fields = conversion.emotion_event(until("event", bool), "camera_link")
        event = through_ros(types, "emotiond_msgs/msg/EmotionEvent", fields)
        assert (event.belief.emotion, event.belief.modalities) == ("happy", ["text"])
        assert link.pause(True)
        until("state", lambda payload: conversion.emotion(payload, "")["paused"])
        process.kill()
        until("status", b"offline".__eq__)
    broker.stop()
    wait_until(lambda: lost == ["the connection to the broker is lost"])
    assert not link.pause(False)
    link.stop()
