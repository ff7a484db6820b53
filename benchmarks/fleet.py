"""A fleet on one broker: `python benchmarks/fleet.py` (about two minutes).

So many publishers, as the daemon has one, share one mosquitto on this machine, each with an event
a second at a moment of its own. A subscriber counts what arrives, and how long after it was handed
to its publisher. The figures are of publishers, broker and subscriber on the same cores.
"""

import argparse
import json
import multiprocessing
import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from edge.composer import Composer
from edge.config import Mqtt
from edge.demo.broker import HOST
from edge.episodes import Change, State
from edge.publish.console import table
from edge.publish.mqtt import Publisher
from edge.service.health import rss_mb
from tests.conftest import Mosquitto

PROCESSES = 4
CONNECT_S = 60.0
SETTLED_S = 20.0


def run_devices(port: int, numbers: range, begin: threading.Barrier, seconds: int) -> None:
    """One process of the fleet."""
    threading.stack_size(256 * 1024)
    clock = Clock()
    fleet = []
    for number in numbers:
        config = Mqtt(host=HOST, port=port, device=f"device-{number}")
        publisher = Publisher(config)
        publisher.start()
        fleet.append((publisher, Composer(f"emotion/device-{number}", clock), random.random()))  # noqa: S311
        time.sleep(0.01)
    deadline_s = time.monotonic() + CONNECT_S
    while not all(publisher.connected for publisher, _, _ in fleet):
        if time.monotonic() > deadline_s:
            break
        time.sleep(0.1)
    begin.wait()
    fleet.sort(key=lambda one: one[2])
    began_s = time.monotonic()
    for second in range(seconds):
        for publisher, composer, offset_s in fleet:
            time.sleep(max(began_s + second + offset_s - time.monotonic(), 0))
            state = State("happy", None, 1, 1, clock.now_s())
            name = f"{time.monotonic_ns()}"
            publisher.publish_event(composer.event(Change(name, second, "start", state, 0.0)))
    begin.wait()
    time.sleep(SETTLED_S / 2)
    for publisher, _, _ in fleet:
        publisher.stop()


def main() -> None:
    """Runs the fleet and prints what arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
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
        begin = multiprocessing.Barrier(PROCESSES + 1)
        share = arguments.devices // PROCESSES
        fleet = [
            multiprocessing.Process(
                target=run_devices,
                args=(
                    broker.port,
                    range(index * share, (index + 1) * share),
                    begin,
                    arguments.seconds,
                ),
            )
            for index in range(PROCESSES)
        ]
        for process in fleet:
            process.start()
        begin.wait(CONNECT_S * 2)
        begin.wait(arguments.seconds * 3)
        expected = share * PROCESSES * arguments.seconds
        deadline_s = time.monotonic() + SETTLED_S
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


if __name__ == "__main__":
    main()
