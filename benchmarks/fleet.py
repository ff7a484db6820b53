"""Measures many devices on one broker: `python benchmarks/fleet.py` (a minute and a half).

Clients with the identifiers, topics and payloads of daemons share one mosquitto on this machine.
Each publishes an event a second (QoS 1, MQTT 5) at its own moment. A subscriber counts the events
and measures the time from publish to receipt. Clients, broker and subscriber share the cores.

`--broker rabbitmq` or `--broker nats`, with `--nodes 3`, measures a cluster of brokers instead
(Debian's packages rabbitmq-server and nats-server). The node that the subscriber and a third of the
devices use is killed without warning. Each device is a daemon's publisher with its spool, knows all
nodes (`mqtt.hosts`), and publishes an event every `--period-s` (MQTT 3.1.1).
"""

import argparse
import json
import multiprocessing
import random
import selectors
import subprocess
import tempfile
import time
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.cluster import Fleet, Listener, cluster
from benchmarks.harness.mosquitto import Mosquitto
from edge.clock import Clock
from edge.commands.demo.broker import HOST
from edge.commands.terminal import table
from edge.machine import rss_mb
from edge.publish.composer import Composer
from edge.tracking.episodes import Change, State

PROCESSES = 4
CONNECT_S = 60.0
SETTLE_S = 20.0


class Device:
    """A client with a daemon's identifier, topic and payloads, but without its own thread."""

    def __init__(self, port: int, number: int, clock: Clock) -> None:
        name = f"device-{number}"
        self.offset_s = random.random()  # noqa: S311
        self._topic, self._clock = f"emotion/{name}/event", clock
        self._composer = Composer(f"emotion/{name}", clock)
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"emotiond-{name}", protocol=paho.MQTTv5
        )
        self.client.connect(HOST, port)
        while not self.client.is_connected():
            self.client.loop(0.01)

    def publish(self, sequence: int) -> None:
        """Publishes one event whose id is the time."""
        state = State("happy", None, 1, 1, self._clock.now_s())
        change = Change(str(time.monotonic_ns()), sequence, "start", state, 0.0)
        event = msgspec.json.encode(self._composer.event(change))
        self.client.publish(self._topic, event, qos=1)


def serve(selector: selectors.BaseSelector, until_s: float) -> None:
    """Reads messages for the devices of a process until `until_s`."""
    while (left_s := until_s - time.monotonic()) > 0:
        for key, _ in selector.select(left_s):
            key.data.loop_read()


def run_devices(port: int, numbers: range, barrier: Barrier, seconds: int) -> None:
    """Runs one process of the fleet, with the devices of these numbers."""
    clock = Clock()
    fleet = sorted((Device(port, one, clock) for one in numbers), key=lambda one: one.offset_s)
    selector = selectors.DefaultSelector()
    for device in fleet:
        wire: Any = device.client.socket()
        selector.register(wire, selectors.EVENT_READ, device.client)
    barrier.wait()
    started_s = time.monotonic()
    for second in range(seconds):
        for device in fleet:
            serve(selector, started_s + second + device.offset_s)
            device.publish(second)
    serve(selector, time.monotonic() + SETTLE_S / 4)
    barrier.wait()
    for device in fleet:
        device.client.disconnect()


def kill_a_node(arguments: argparse.Namespace) -> None:
    """Runs a fleet on a cluster that loses a node, and prints what became of the events."""
    events = max(3, round(arguments.seconds / arguments.period_s))
    with (
        tempfile.TemporaryDirectory() as name,
        cluster(arguments.broker, arguments.nodes, Path(name)) as nodes,
    ):
        ports = [node.port for node in nodes]
        listener = Listener(ports)
        if not listener.subscribed.wait(CONNECT_S):
            raise TimeoutError("the subscriber got no answer")
        state = Path(name, "state")
        fleet = Fleet(ports, arguments.devices, state, events, arguments.period_s)
        fleet.wait_until_connected()
        time.sleep(events * arguments.period_s / 3)
        nodes[0].kill()
        unacknowledged = fleet.finish()
        expected = arguments.devices * events
        deadline_s = time.monotonic() + SETTLE_S
        while len(listener.delays_s) < expected and time.monotonic() < deadline_s:
            time.sleep(0.2)
        listener.close()
    received = listener.sequences.values()
    firsts = [list(dict.fromkeys(one)) for one in received]
    p50, p99, worst = np.percentile(listener.delays_s, [50, 99, 100])
    rows = [
        ("devices", f"{arguments.devices}"),
        ("of these, at the node that was killed", f"{-(-arguments.devices // len(ports))}"),
        ("events published", f"{expected}"),
        ("still waiting at the devices", f"{unacknowledged}"),
        ("events lost", f"{expected - unacknowledged - sum(map(len, firsts))}"),
        ("delivered again", f"{sum(map(len, received)) - sum(map(len, firsts))}"),
        ("devices with events out of order", f"{sum(one != sorted(one) for one in firsts)}"),
        ("from publish to receipt, p50", f"{1000 * p50:.0f} ms"),
        ("p99", f"{p99:.1f} s"),
        ("longest", f"{worst:.1f} s"),
    ]
    print(table(("", f"{len(ports)} nodes of {arguments.broker}"), rows))


def load_mosquitto(arguments: argparse.Namespace) -> None:
    """Runs many clients on one mosquitto; prints counts, latencies and the broker's memory."""
    latencies_ms: list[float] = []
    arrived: Counter[str] = Counter()

    def on_message(client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        now_ns = time.monotonic_ns()
        event = json.loads(message.payload)
        latencies_ms.append((now_ns - int(event["id"])) / 1e6)
        arrived[event["source"] + event["id"]] += 1

    with tempfile.TemporaryDirectory() as name:
        broker = Mosquitto(Path(name), "max_inflight_messages 0", "max_queued_messages 0")
        broker.start()
        subscriber = paho.Client(CallbackAPIVersion.VERSION2)
        subscriber.on_message = on_message
        subscriber.connect(HOST, broker.port)
        subscriber.subscribe("emotion/+/event", qos=1)
        subscriber.loop_start()
        barrier = multiprocessing.Barrier(PROCESSES + 1)
        share = arguments.devices // PROCESSES
        fleet = [
            multiprocessing.Process(
                target=run_devices,
                args=(
                    broker.port,
                    range(index * share, (index + 1) * share),
                    barrier,
                    arguments.seconds,
                ),
            )
            for index in range(PROCESSES)
        ]
        for process in fleet:
            process.start()
        barrier.wait(CONNECT_S * 2)
        barrier.wait(arguments.seconds * 3)
        expected = share * PROCESSES * arguments.seconds
        deadline_s = time.monotonic() + SETTLE_S
        while len(arrived) < expected and time.monotonic() < deadline_s:
            time.sleep(0.2)
        broker_mb = rss_mb(broker.pid)
        for process in fleet:
            process.join()
        subscriber.disconnect()
        subscriber.loop_stop()
        broker.stop()
    p50, p99, worst = np.percentile(latencies_ms, [50, 99, 100])
    version = subprocess.run(
        ["mosquitto", "-h"], capture_output=True, text=True, check=False
    ).stdout.splitlines()[0]
    print(
        table(
            ("", version),
            [
                ("devices", f"{share * PROCESSES}"),
                ("events published", f"{expected}"),
                ("events lost", f"{expected - len(arrived)}"),
                ("delivered again", f"{arrived.total() - len(arrived)}"),
                ("from publish to receipt, p50", f"{p50:.1f} ms"),
                ("p99", f"{p99:.1f} ms"),
                ("longest", f"{worst:.1f} ms"),
                ("broker's memory", f"{broker_mb:.1f} MB"),
            ],
        )
    )


def main() -> None:
    """Runs the fleet and prints counts and latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--broker", choices=("mosquitto", "rabbitmq", "nats"), default="mosquitto")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--period-s", type=float, default=10.0)
    arguments = parser.parse_args()
    if arguments.broker == "mosquitto":
        load_mosquitto(arguments)
    else:
        kill_a_node(arguments)


if __name__ == "__main__":
    main()
