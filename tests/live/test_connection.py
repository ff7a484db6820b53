"""Difficult brokers: silent ones, old ones, and ones that disappear."""

import contextlib
import os
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.clock import Clock
from edge.commands.demo.broker import HOST, embedded_broker
from edge.config import Backoff, SpoolLimits
from edge.publish import connection, subscriptions
from edge.publish.messages import ModalityStatus
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change
from tests.support.listeners import Listener, Reluctant, keep_silent, refuse_mqtt_5
from tests.support.publishing import COMPOSER, UNKNOWN, Connect, event, mqtt_settings
from tests.support.waiting import wait_until


def _close_after_connect(wire: socket.socket) -> None:
    with wire:
        wire.recv(4096)


@pytest.mark.parametrize("serve", [keep_silent, _close_after_connect])
def test_a_server_that_does_not_answer_as_a_broker_is_logged_once_and_retried(
    serve: Callable[[socket.socket], None],
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 0.3)
    listener = Listener(serve)
    publisher = connect(listener.port, reconnect=Backoff(shortest_s=0.05, longest_s=0.1))
    wait_until(lambda: listener.accepted >= 4)
    assert caplog.text.count("does not answer in MQTT") == 1
    started_s = time.monotonic()
    publisher.stop()
    assert time.monotonic() - started_s < 1.0
    listener.close()


def test_a_topic_that_the_broker_refuses_is_asked_for_again_and_no_other(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subscriptions, "AGAIN_S", 0.2)
    monkeypatch.setattr(connection, "THREAD_CHECK_S", 0.1)
    broker = Reluctant("emotion/kiosk/set/pause")
    listener = Listener(broker)
    connect(listener.port, protocol="3.1.1")
    wait_until(lambda: "the broker takes our subscriptions now" in caplog.text)
    assert len(broker.asked[0]) == 4
    assert broker.asked[1:] == [["emotion/kiosk/set/pause"]]
    assert caplog.text.count("the broker refuses our subscriptions (Unspecified error)") == 1
    assert listener.accepted == 1
    listener.close()


def test_a_broker_that_does_not_know_mqtt_5_is_used_with_3_1_1(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 1.0)  # this broker does not answer
    with embedded_broker() as port:
        publisher = connect(port, reconnect=Backoff(shortest_s=0.05, longest_s=0.1))
        wait_until(lambda: publisher.connected)
        publisher.publish(COMPOSER.event(event(1)))
        wait_until(lambda: publisher.delivery.acknowledged == 1)
        publisher.stop()


def test_a_broker_that_refuses_mqtt_5_is_used_with_3_1_1(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener(refuse_mqtt_5)
    publisher = connect(listener.port, reconnect=Backoff(shortest_s=0.05, longest_s=0.1))
    wait_until(lambda: publisher.connected)
    assert "does not support this version of MQTT" in caplog.text
    assert listener.accepted == 2
    publisher.stop()
    listener.close()


def test_a_broker_without_mqtt_5_costs_one_attempt_after_an_outage(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    wires: list[socket.socket] = []

    def serve(wire: socket.socket) -> None:
        wires.append(wire)
        refuse_mqtt_5(wire)

    listener = Listener(serve)
    publisher = connect(listener.port, reconnect=Backoff(shortest_s=0.05, longest_s=0.1))
    wait_until(lambda: publisher.connected)
    wires[-1].shutdown(socket.SHUT_RDWR)
    wait_until(lambda: listener.accepted == 3)
    wait_until(lambda: publisher.connected)
    assert listener.accepted == 3
    assert "does not answer in MQTT" not in caplog.text
    listener.close()


def test_a_broker_that_once_worked_and_is_silent_now_is_not_taken_for_another_server(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    wires: list[socket.socket] = []

    def serve(wire: socket.socket) -> None:
        wires.append(wire)
        if len(wires) < 3:
            refuse_mqtt_5(wire)
        else:
            wire.close()

    listener = Listener(serve)
    publisher = connect(listener.port, reconnect=Backoff(shortest_s=0.05, longest_s=0.1))
    wait_until(lambda: publisher.connected)
    wires[-1].shutdown(socket.SHUT_RDWR)
    wait_until(lambda: "does not answer; retrying" in caplog.text)
    assert "does not answer in MQTT" not in caplog.text
    listener.close()


class WallClock(Clock):
    """A clock that somebody sets."""

    ahead_s = 0.0

    def wall_s(self) -> float:
        return super().wall_s() + self.ahead_s


def test_a_clock_that_is_set_ends_the_wait(stopped_broker: Mosquitto) -> None:
    clock, settings = WallClock(), Backoff(shortest_s=600.0, longest_s=600.0)
    publisher = Publisher(mqtt_settings(stopped_broker.port, reconnect=settings), clock=clock)
    publisher.start()
    wait_until(lambda: publisher._connection._last_logged != "")
    stopped_broker.start()
    clock.ahead_s = 3600.0
    wait_until(lambda: publisher.connected)
    publisher.stop()


def test_another_broker_is_used_while_the_first_is_away_with_the_identifier_of_your_choice(
    tmp_path: Path, connect: Connect
) -> None:
    log = tmp_path / "log"
    away, there = Mosquitto(tmp_path), Mosquitto(tmp_path, f"log_dest file {log}", "log_type all")
    there.start()
    publisher = connect(away.port, hosts=(f"{HOST}:{there.port}",), client_id="desk 7")
    wait_until(lambda: publisher.connected)
    publisher.publish(COMPOSER.event(event(1)))
    wait_until(lambda: publisher.delivery.acknowledged == 1)
    assert "as desk 7" in log.read_text()
    there.stop()


def test_mqtt_5_is_tried_again_after_an_older_version_was_used(
    broker: Mosquitto, connect: Connect
) -> None:
    proxy = Proxy(broker.port, closes=1)
    publisher = connect(proxy.listener.port, reconnect=Backoff(shortest_s=0.2, longest_s=0.2))
    wait_until(lambda: publisher.connected)
    assert proxy.versions == [5, 4]
    broker.stop()
    wait_until(lambda: not publisher.connected)
    broker.start()
    wait_until(lambda: publisher.connected)
    assert proxy.versions[-1] == 5
    proxy.listener.close()


def test_a_network_thread_that_fails_is_replaced(
    broker: Mosquitto, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = connect(broker.port)
    wait_until(lambda: publisher.connected)

    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as broken:
        broken.setattr(paho.Client, "_packet_read", fail)
        broken.setattr(threading, "excepthook", lambda _: None)
        publisher.publish(COMPOSER.event(event(1)))  # its answer is read, or should be
        wait_until(lambda: not publisher.connected)
    wait_until(lambda: publisher.delivery.acknowledged == 1)


class Proxy:
    """Forwards to a broker unless `swallowing` is set; closes the first `closes` connections."""

    def __init__(self, port: int, closes: int = 0) -> None:
        self._port, self._closes = port, closes
        self.versions: list[int] = []
        """MQTT version of each connection."""
        self._wires: list[socket.socket] = []
        self.swallowing = threading.Event()
        self.listener = Listener(self._serve)

    def _serve(self, wire: socket.socket) -> None:
        first = wire.recv(4096, socket.MSG_PEEK)
        if not first:
            return
        self.versions.append(first[first.index(b"MQTT") + 4])
        if len(self.versions) <= self._closes:
            wire.close()
            return
        with socket.create_connection((HOST, self._port)) as broker, wire:
            self._wires.append(wire)
            threading.Thread(target=self._pump, args=(broker, wire), daemon=True).start()
            self._pump(wire, broker)

    def drop(self) -> None:
        """Closes every connection."""
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # one end is gone: a broker that exits may reset
            while data := source.recv(4096):
                if not self.swallowing.is_set():
                    sink.sendall(data)
        if not self.swallowing.is_set():
            with contextlib.suppress(OSError):  # the other end is gone too
                sink.shutdown(socket.SHUT_RDWR)


def test_no_event_is_lost_in_a_network_that_swallows_everything(
    broker: Mosquitto, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber, proxy = Subscriber(broker.port), Proxy(broker.port)
    publisher = connect(proxy.listener.port, keepalive_s=5)
    wait_until(lambda: publisher.connected)
    publisher.publish(COMPOSER.event(event(0)))
    subscriber.events(1)
    proxy.swallowing.set()
    for number in range(1, 40):
        publisher.publish(COMPOSER.event(event(number)))
    wait_until(lambda: not publisher.connected, timeout_s=20)
    proxy.swallowing.clear()
    assert [one["id"] for one in subscriber.events(39)] == [f"episode {n}" for n in range(1, 40)]
    proxy.listener.close()
    subscriber.close()


def test_a_command_sent_during_a_short_absence_is_received_on_return(
    broker: Mosquitto,
) -> None:
    commands: queue.Queue[tuple[str, bytes, bool, float]] = queue.Queue()
    proxy, sender = Proxy(broker.port), Subscriber(broker.port)
    reconnect = Backoff(shortest_s=2.0, longest_s=2.0)
    publisher = Publisher(
        mqtt_settings(proxy.listener.port, reconnect=reconnect),
        lambda *command: commands.put(command),
    )
    publisher.start()
    sender.until("kiosk/status", "online")  # sent after the subscription, on the same connection
    sender.client.publish("emotion/kiosk/set/text", "there", qos=1)
    first = commands.get(timeout=5)
    assert first == ("text", b"there", False, 0.0)
    proxy.drop()
    wait_until(lambda: not publisher.connected)
    sender.client.publish("emotion/kiosk/set/pause", "on", qos=1)
    command = commands.get(timeout=5)
    while command[:3] == first[:3]:  # again, because the broker got no acknowledgement
        command = commands.get(timeout=5)
    assert command[:3] == ("pause", b"on", False)
    assert 1.0 < command[3] < 4.0
    publisher.stop()
    proxy.listener.close()
    sender.close()


def test_an_mqtt_5_subscriber_gets_an_events_expiry_interval(
    broker: Mosquitto, connect: Connect
) -> None:
    received: queue.Queue[paho.MQTTMessage] = queue.Queue()
    subscriber = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    subscriber.on_message = lambda _c, _u, message: received.put(message)
    subscriber.connect(HOST, broker.port)
    subscriber.subscribe("emotion/kiosk/event", qos=1)
    subscriber.loop_start()
    publisher = connect(broker.port, spool=SpoolLimits(max_age_s=3600.0))
    publisher.publish(COMPOSER.event(event(1)))
    properties: Any = received.get(timeout=10).properties
    assert 3590 <= properties.MessageExpiryInterval <= 3600
    subscriber.disconnect()
    subscriber.loop_stop()


def test_two_devices_with_one_name_take_turns_slowly_and_log_why(
    broker: Mosquitto, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    reconnect = Backoff(shortest_s=0.1, longest_s=3.0)
    first = connect(broker.port, reconnect=reconnect)
    wait_until(lambda: first.connected)
    second = connect(broker.port, reconnect=reconnect)
    wait_until(lambda: second.connected)
    wait_until(lambda: "give each device its mqtt.device" in caplog.text)
    before = first.delivery.reconnects + second.delivery.reconnects
    time.sleep(3)
    assert first.delivery.reconnects + second.delivery.reconnects <= before + 6


def test_a_broker_without_a_needed_feature_is_logged_with_a_remedy_and_retried_slowly(
    limited: tuple[Mosquitto, str], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    broker, remedy = limited
    proxy = Proxy(broker.port)
    connect(proxy.listener.port, reconnect=Backoff(shortest_s=0.05, longest_s=60.0))
    wait_until(lambda: remedy in caplog.text)
    time.sleep(0.5)
    assert proxy.listener.accepted == 1
    proxy.listener.close()


def test_more_events_than_the_broker_accepts_at_once_arrive_in_order(
    broker: Mosquitto, connect: Connect
) -> None:
    subscriber = Subscriber(broker.port)
    publisher = connect(broker.port)
    wait_until(lambda: publisher.connected)
    for number in range(500):
        publisher.publish(COMPOSER.event(event(number)))
    assert [one["id"] for one in subscriber.events(500)] == [f"episode {n}" for n in range(500)]
    wait_until(lambda: publisher.delivery.waiting == 0)
    assert publisher.delivery.reconnects == 0
    subscriber.close()


@pytest.mark.parametrize("limit", ["message_size_limit 900", "max_packet_size 1000"])
@pytest.mark.parametrize("protocol", [5, "3.1.1"])
def test_a_message_too_long_for_the_broker_is_left_out_and_the_others_arrive(
    tmp_path: Path, connect: Connect, caplog: pytest.LogCaptureFixture, limit: str, protocol: Any
) -> None:
    broker = Mosquitto(tmp_path, limit)
    broker.start()
    subscriber = Subscriber(broker.port)
    publisher = connect(
        broker.port, protocol=protocol, reconnect=Backoff(shortest_s=0.05, longest_s=0.1)
    )
    long_event = COMPOSER.event(Change("long" * 300, 0, "start", UNKNOWN, 99.0))
    publisher.publish(ModalityStatus("face", "degraded: " + "x" * 1000))
    publisher.publish(ModalityStatus("speech", "ok"))
    for message in (COMPOSER.event(event(0)), long_event, COMPOSER.event(event(1))):
        publisher.publish(message)
    statuses = subscriber.until("speech/status")
    assert [one["id"] for one in subscriber.events(2)] == ["episode 0", "episode 1"]
    wait_until(lambda: publisher.delivery.waiting == 0)
    publisher.publish(ModalityStatus("text", "ok"))  # the session goes on
    statuses += subscriber.until("text/status")
    assert not [topic for topic, _ in statuses if topic.endswith("face/status")]
    # This broker acknowledges what it drops because of message_size_limit.
    assert "emotion/kiosk/face/status" in caplog.text or "message_size_limit" in limit
    subscriber.close()
    broker.stop()


def test_waits_are_random_so_that_a_fleet_does_not_reconnect_at_once(
    connect: Connect,
) -> None:
    moments: queue.Queue[float] = queue.Queue()

    def serve(wire: socket.socket) -> None:
        moments.put(time.monotonic())
        wire.close()

    listener = Listener(serve)
    for number in range(6):
        reconnect = Backoff(shortest_s=1.0, longest_s=1.0)
        name = f"kiosk-{number}"
        connect(listener.port, device=name, reconnect=reconnect, protocol="3.1.1")
    first = [moments.get(timeout=5) for _ in range(6)]
    second = [moments.get(timeout=5) for _ in range(6)]
    listener.close()
    assert min(second) - max(first) > 0.3
    assert max(second) - min(second) > 0.05


def test_a_full_disk_keeps_events_in_memory_and_catches_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broker: Mosquitto, subscriber: Subscriber
) -> None:
    broker.stop()  # it keeps the subscription until it is back
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    spool = SpoolLimits(write_interval_s=0.2)
    publisher = Publisher(mqtt_settings(broker.port, spool=spool), None, disk)
    publisher.start()
    try:
        wait_until((disk / "spool.sqlite").exists)
        filler = disk / "filler"
        while os.statvfs(disk).f_bavail:
            with filler.open("ab") as file:
                file.write(b"x" * 1024)
        for number in range(100):
            publisher.publish(COMPOSER.event(event(number)))
        wait_until(lambda: "the spool cannot be used" in caplog.text)
        assert publisher.delivery.unwritten == 100
        filler.unlink()
        wait_until(lambda: publisher.delivery.unwritten == 0)
        broker.start()
        assert len(subscriber.events(100)) == 100
    finally:
        publisher.stop()
        subprocess.run(["umount", str(disk)], check=True)
