import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from edge.config import HomeAssistant, SpoolLimits
from edge.publish import outbox
from edge.publish.messages import ModalityStatus, amended
from edge.publish.publisher import Publisher
from tests.support.publishing import COMPOSER, UNKNOWN, event, mqtt_settings
from tests.support.waiting import wait_until


def _publisher(port: int, **settings: Any) -> Publisher:
    return Publisher(mqtt_settings(port, **settings))


def test_online_is_published_first_and_offline_last(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    publisher = _publisher(broker.port)
    publisher.publish(COMPOSER.state(UNKNOWN))
    publisher.start()
    received = subscriber.until("/state")
    assert received[0] == ("emotion/kiosk/status", "online")
    publisher.stop()
    assert subscriber.until("/status")[-1] == ("emotion/kiosk/status", "offline")


def test_status_and_state_are_retained_for_late_subscribers(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    publisher = _publisher(broker.port)
    publisher.start()
    publisher.publish(ModalityStatus("face", "degraded: no camera"))
    publisher.publish(COMPOSER.state(UNKNOWN))
    subscriber.until("kiosk/state")
    late = Subscriber(broker.port, client_id="late")
    retained = dict(late.receive(3))
    late.close()
    publisher.stop()
    assert retained["emotion/kiosk/status"] == "online"
    assert retained["emotion/kiosk/face/status"] == "degraded: no camera"
    assert json.loads(retained["emotion/kiosk/state"])["data"]["emotion"] == "unknown"


def test_events_wait_for_a_broker_that_is_missing_at_the_start(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    broker.stop()
    publisher = _publisher(broker.port)
    publisher.start()
    for number in range(3):
        publisher.publish(COMPOSER.event(event(number)))
    broker.start()
    events = subscriber.events(3)
    publisher.stop()
    assert [event["id"] for event in events] == ["episode 0", "episode 1", "episode 2"]
    assert all(event["data"]["replayed"] for event in events)


def test_events_of_an_outage_are_replayed_once_in_order(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    publisher = _publisher(broker.port)
    publisher.start()
    wait_until(lambda: publisher.connected)
    publisher.publish(COMPOSER.event(event(0)))
    assert not subscriber.events(1)[0]["data"]["replayed"]
    broker.stop()
    wait_until(lambda: not publisher.connected)
    for number in range(1, 4):
        publisher.publish(COMPOSER.event(event(number)))
    broker.start()
    events = subscriber.events(3)
    publisher.stop()
    rest = subscriber.until("/status", "offline")
    assert [event["id"] for event in events] == ["episode 1", "episode 2", "episode 3"]
    assert not [topic for topic, _ in rest if topic.endswith("/event")]


def test_a_full_spool_drops_the_oldest(broker: Mosquitto, subscriber: Subscriber) -> None:
    publisher = _publisher(broker.port, spool=SpoolLimits(max_events=2))
    for number in range(5):
        publisher.publish(COMPOSER.event(event(number)))
    publisher.start()
    assert [event["id"] for event in subscriber.events(2)] == ["episode 3", "episode 4"]
    publisher.stop()


def test_stopping_is_quick_without_a_broker(stopped_broker: Mosquitto) -> None:
    publisher = _publisher(stopped_broker.port)
    publisher.start()
    started_s = time.monotonic()
    publisher.stop()
    assert time.monotonic() - started_s < 1.0


class HalfOpenBroker:
    """Accepts a session and reads all it is sent, but acknowledges no message."""

    def __init__(self) -> None:
        self._server = socket.create_server((HOST, 0))
        self.port = self._server.getsockname()[1]
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        wire, _ = self._server.accept()
        with wire:
            self.received += wire.recv(4096)
            wire.sendall(b"\x20\x02\x00\x00")  # CONNACK, accepted
            while data := wire.recv(4096):
                self.received += data


def test_a_broker_that_does_not_answer_is_left_in_time_and_without_a_disconnect() -> None:
    broker = HalfOpenBroker()
    publisher = _publisher(broker.port, protocol="3.1.1")
    publisher.start()
    wait_until(lambda: publisher.connected)
    for number in range(30):
        publisher.publish(COMPOSER.event(event(number)))
    started_s = time.monotonic()
    publisher.stop()
    assert time.monotonic() - started_s < 1.0
    wait_until(lambda: b"offline" in broker.received.split(b"online")[-1])
    assert not broker.received.endswith(b"\xe0\x00")  # DISCONNECT would discard the will


def test_messages_left_unacknowledged_by_a_lost_session_do_not_follow_newer_ones(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    publisher = _publisher(broker.port)
    publisher.start()
    wait_until(lambda: publisher.connected)
    publisher.publish(ModalityStatus("face", "old"))
    subscriber.until("face/status", "old")
    broker.stop()
    publisher.publish(ModalityStatus("face", "older than the newest"))
    publisher.publish(ModalityStatus("face", "newest"))
    broker.start()
    subscriber.until("face/status", "newest")
    publisher.publish(COMPOSER.event(event(1)))
    rest = subscriber.until("/event")
    publisher.stop()
    assert not [payload for topic, payload in rest if topic.endswith("face/status")]


def test_an_event_that_makes_sending_fail_is_given_up_and_the_next_is_sent(
    broker: Mosquitto, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.stop()
    publisher = _publisher(broker.port)
    publisher.start()
    failing, sound = (COMPOSER.event(event(number)) for number in range(2))
    publisher.publish(failing)
    publisher.publish(sound)

    def fail_on(payload: bytes, replayed: bool, shift_s: float) -> bytes:
        if payload == failing.encode():
            raise RuntimeError("a fault of the program")
        return amended(payload, replayed, shift_s)

    monkeypatch.setattr(outbox, "amended", fail_on)
    broker.start()
    assert subscriber.events(1)[0]["id"] == json.loads(sound.encode())["id"]
    wait_until(lambda: publisher.delivery.dropped == 1)
    publisher.stop()


def test_the_device_is_published_to_home_assistant_and_again_when_that_starts(
    tmp_path: Path, broker: Mosquitto
) -> None:
    subscriber = Subscriber(broker.port)
    subscriber.client.subscribe("homeassistant/#", qos=1)
    shown = mqtt_settings(broker.port, home_assistant=HomeAssistant(enabled=True))
    publisher = Publisher(shown, None, tmp_path)
    publisher.start()
    announced = subscriber.until("config")[-1]
    assert announced[0] == "homeassistant/device/emotiond_kiosk/config"
    assert not publisher.meets_new_reader()
    subscriber.client.publish("homeassistant/status", "online", qos=1)
    assert subscriber.until("config")[-1] == announced
    wait_until(publisher._home_assistant.has_restarted.is_set)
    assert [publisher.meets_new_reader() for _ in range(2)] == [True, False]
    publisher.stop()
    hidden = Publisher(mqtt_settings(broker.port), None, tmp_path)
    hidden.start()
    assert subscriber.until("config")[-1] == (announced[0], "")
    wait_until(lambda: str(announced[0]) not in (tmp_path / "retained.json").read_text())
    hidden.stop()
    # Another device has the name by now: nobody removes its announcement.
    subscriber.client.publish(announced[0], "another's", qos=1, retain=True).wait_for_publish(5)
    again = Publisher(mqtt_settings(broker.port), None, tmp_path)
    again.start()
    wait_until(lambda: again.connected)
    again.publish(ModalityStatus("face", "ok"))
    received = subscriber.until("face/status")
    assert (announced[0], "") not in received
    again.stop()
    subscriber.close()


def test_a_renamed_device_removes_its_old_topics(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    for device in ("kiosk", "desk"):
        publisher = Publisher(mqtt_settings(broker.port, device=device), None, tmp_path)
        publisher.publish(ModalityStatus("face", "ok"))
        publisher.publish(COMPOSER.state(UNKNOWN))
        publisher.start()
        wait_until(lambda: (tmp_path / "retained.json").read_text().count("kiosk") in (7, 0))
        subscriber.until(f"{device}/face/status", "ok")
        publisher.stop()
    late = Subscriber(broker.port, client_id="late")
    topics = {topic for topic, payload in late.receive(3) if payload}
    assert topics == {f"emotion/desk/{name}" for name in ("status", "state", "face/status")}
    late.close()
