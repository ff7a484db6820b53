"""Runs a cluster of brokers, and daemons' publishers that use all of its nodes."""

import itertools
import json
import logging
import multiprocessing
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.nats import Nats
from benchmarks.harness.rabbitmq import RabbitMq
from edge.clock import Clock
from edge.commands.demo.broker import HOST, free_port
from edge.config import Backoff, Mqtt
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change, State

READY_S = 120.0
"""Time limit for a cluster to accept a session, and for a fleet to be connected."""
SETTLED_S = 120.0
"""Time limit for all events to be acknowledged after the last one is published."""


class Node(Protocol):
    """A broker of a cluster."""

    port: int

    def start(self) -> None:
        """Starts it."""

    def kill(self) -> None:
        """Kills it without warning."""

    def close(self) -> None:
        """Kills it, and what it needed."""


def nodes(broker: str, count: int, folder: Path) -> list[Node]:
    """Returns the nodes of a cluster of `rabbitmq` or `nats`, in the order of their start."""
    if broker == "nats":
        routes = [free_port() for _ in range(count)]
        return [Nats(folder, route, routes) for route in routes]
    first = RabbitMq(folder, queues="quorum")
    return [first, *(RabbitMq(folder, first, "quorum") for _ in range(count - 1))]


@contextmanager
def cluster(broker: str, count: int, folder: Path) -> Iterator[list[Node]]:
    """Yields the running nodes of a cluster that accepts sessions."""
    made = nodes(broker, count, folder)
    try:
        for node in made:
            node.start()
        for node in made:
            _wait_for_session(node.port)
        yield made
    finally:
        for node in reversed(made):
            node.close()


def _wait_for_session(port: int) -> None:
    """Returns once a node accepts a session; raises TimeoutError after READY_S."""
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"probe-{port}")
        try:
            client.connect(HOST, port)
            until_s = time.monotonic() + 5
            while not client.is_connected() and time.monotonic() < until_s:
                client.loop(0.1)
            if client.is_connected():
                client.disconnect()
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"no session on port {port}")


class Listener:
    """Receives all events in a session that each node knows, and goes to the next when one dies."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.sequences: dict[str, list[int]] = defaultdict(list)
        """Numbers of each device's events, in the order in which they arrived."""
        self.delays_s: list[float] = []
        """Time from publishing to arrival of each event, at its first arrival."""
        self.subscribed = threading.Event()
        self._ports = itertools.cycle(ports)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            client = paho.Client(
                CallbackAPIVersion.VERSION2,
                client_id="listener",
                clean_session=False,
                reconnect_on_failure=False,
            )
            client.on_message = self._on_message
            client.on_connect = self._on_connect
            client.on_subscribe = lambda *_: self.subscribed.set()
            try:
                client.connect(HOST, next(self._ports))
                while client.loop(0.5) == paho.MQTT_ERR_SUCCESS and not self._closing.is_set():
                    pass
                client.disconnect()
            except OSError:
                pass
            self._closing.wait(0.5)

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe("emotion/+/event", qos=1)

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        sequence, seen = event["data"]["sequence"], self.sequences[event["source"]]
        if sequence not in seen:
            self.delays_s.append(time.monotonic() - float(event["id"]))
        seen.append(sequence)

    def close(self) -> None:
        """Disconnects."""
        self._closing.set()
        self._thread.join()


class Fleet:
    """Publishers in processes of their own, each with an event every `period_s`."""

    def __init__(
        self, ports: Sequence[int], count: int, folder: Path, events: int, period_s: float
    ) -> None:
        processes = min(4, count)
        self._barrier = multiprocessing.Barrier(processes + 1)
        self._left: multiprocessing.Queue[int] = multiprocessing.Queue()
        self._processes = [
            multiprocessing.Process(
                target=_publish,
                args=(ports, share, folder, events, period_s, self._barrier, self._left),
                daemon=True,
            )
            for share in (range(first, count, processes) for first in range(processes))
        ]
        for process in self._processes:
            process.start()

    def wait_until_connected(self) -> None:
        """Returns once all devices have a session."""
        self._barrier.wait(READY_S * 2)

    def finish(self) -> int:
        """Waits for the end; returns the number of events that no broker has acknowledged."""
        left = sum(self._left.get() for _ in self._processes)
        for process in self._processes:
            process.join()
        return left


def _publish(
    ports: Sequence[int],
    numbers: range,
    folder: Path,
    events: int,
    period_s: float,
    barrier: Barrier,
    left: "multiprocessing.Queue[int]",
) -> None:
    """Runs one process of the fleet, with the devices of these numbers."""
    logging.disable(logging.WARNING)  # hundreds of devices that all lose the same broker
    clock = Clock()
    fleet = [_device(ports, number, folder) for number in numbers]
    for publisher, _ in fleet:
        publisher.start()
        time.sleep(0.02)  # so that not all connect at once
    while not all(publisher.connected for publisher, _ in fleet):
        time.sleep(0.1)
    barrier.wait()
    started_s = time.monotonic()
    for sequence in range(events):
        for index, (publisher, composer) in enumerate(fleet):
            due_s = started_s + period_s * (sequence + index / len(fleet))
            time.sleep(max(0.0, due_s - time.monotonic()))
            state = State("happy", None, 1, 1, clock.now_s())
            change = Change(str(time.monotonic()), sequence, "start", state, 0.0)
            publisher.publish(composer.event(change))
    deadline_s = time.monotonic() + SETTLED_S
    while any(one.delivery.acknowledged < events for one, _ in fleet):
        if time.monotonic() > deadline_s:
            break
        time.sleep(0.1)
    left.put(sum(events - publisher.delivery.acknowledged for publisher, _ in fleet))
    for publisher, _ in fleet:
        publisher.stop()


def _device(ports: Sequence[int], number: int, folder: Path) -> tuple[Publisher, Composer]:
    """Returns a device's publisher, whose first broker is another than its neighbour's."""
    name = f"device-{number}"
    state = folder / name
    state.mkdir(parents=True)
    own = number % len(ports)
    others = tuple(f"{HOST}:{port}" for port in (*ports[own + 1 :], *ports[:own]))
    config = Mqtt(
        host=HOST,
        port=ports[own],
        hosts=others,
        device=name,
        protocol="3.1.1",
        reconnect=Backoff(shortest_s=1.0, longest_s=10.0),
    )
    publisher = Publisher(config, lambda *_: None, state)
    return publisher, Composer(f"emotion/{name}", Clock())
