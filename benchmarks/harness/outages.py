"""Brokers and publishers killed at random moments, and what arrives at a subscriber.

`python -m benchmarks.harness.outages PORT FOLDER FIRST` publishes numbered events as a daemon
would, RATE_PER_S a second, and prints after each how many of its own are safe: on disk, or with
the broker.
"""

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.mosquitto import Mosquitto
from edge.clock import Clock
from edge.commands.demo.broker import HOST
from edge.config import Backoff, Mqtt, SpoolLimits
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change, State

RATE_PER_S = 20.0
DEVICE = "kiosk"
SETTLED_S = 30.0
"""The longest time after the last outage until all safe events have arrived."""


def publish(port: int, folder: Path, first: int) -> None:
    """Publishes events until the process is killed."""
    config = Mqtt(
        host=HOST,
        port=port,
        device=DEVICE,
        reconnect=Backoff(shortest_s=0.2, longest_s=1.0),
        spool=SpoolLimits(write_interval_s=1.0, replay_per_s=1000),
    )
    clock = Clock()
    composer, publisher = Composer(f"emotion/{DEVICE}", clock), Publisher(config, None, folder)
    unknown = publisher.delivery
    publisher.start()
    while publisher.delivery is unknown:  # the spool is being read
        time.sleep(0.01)
    before = publisher.delivery.acknowledged + publisher.delivery.waiting
    number = first
    while True:
        state = State("unknown", None, 0, 0, clock.now_s())
        publisher.publish(composer.event(Change(str(number), 0, "start", state, 0.0)))
        number += 1
        time.sleep(1 / RATE_PER_S)
        told = publisher.delivery
        safe = told.acknowledged + told.waiting - told.unwritten - before
        print(number, first + safe, flush=True)


class Sender:
    """A process that publishes, killed without warning and started again."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port, self._folder = port, folder
        self.safe: list[range] = []
        """The numbers of events that must arrive, by process."""
        self._begin(0)

    def _begin(self, first: int) -> None:
        self._first, self._told = first, ""
        command = [
            sys.executable,
            "-m",
            "benchmarks.harness.outages",
            str(self._port),
            str(self._folder),
        ]
        self._process = subprocess.Popen(
            [*command, str(first)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told = line

    def kill(self) -> int:
        """Kills it; returns the number that the next one starts with."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        begun, safe = (int(one) for one in (self._told or f"{self._first} {self._first}").split())
        self.safe.append(range(self._first, safe))
        return begun + 1  # one more may have been on its way

    def restart(self) -> None:
        """Kills it, and starts another."""
        self._begin(self.kill())


@dataclass
class Outcome:
    """Counts of the events that arrived."""

    expected: int = 0
    missing: list[int] = field(default_factory=list)
    repeated: int = 0
    """Deliveries of an event that had arrived before; `id` and `sequence` tell."""
    in_order: bool = True
    replayed: int = 0


class Listener:
    """A subscriber that reconnects whenever the broker is back."""

    def __init__(self, port: int) -> None:
        self.numbers: list[int] = []
        self.replayed = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self._there = threading.Event()
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._there.set()
        self._client.on_disconnect = lambda *_: self._there.clear()
        self._client.on_message = self._on_message
        self._client.connect(HOST, port)
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe("emotion/+/event", qos=1)

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        self.numbers.append(int(event["id"]))
        self.replayed += event["data"]["replayed"]

    def wait_until_there(self) -> None:
        """Waits until the broker has it back; raises AssertionError after 10 s."""
        assert self._there.wait(10)

    def close(self) -> None:
        """Disconnects; its session goes on at the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def endure(
    broker: Mosquitto, folder: Path, broker_kills: int, sender_kills: int, seed: int
) -> Outcome:
    """Kills the broker and, at some of its kills, the sender; returns what arrived."""
    rng = random.Random(seed)  # noqa: S311
    listener = Listener(broker.port)
    listener.wait_until_there()
    broker.stop()  # it saves the subscription, and knows of it after every kill
    broker.start()
    listener.wait_until_there()
    sender = Sender(broker.port, folder)
    killed_too = set(rng.sample(range(broker_kills), sender_kills))
    time.sleep(2)
    for number in range(broker_kills):
        time.sleep(rng.uniform(0.2, 2.0))
        broker.kill()
        if number in killed_too:
            time.sleep(rng.uniform(0, 1.5))
            sender.restart()
        time.sleep(rng.uniform(0, 2.0))
        broker.start()
        listener.wait_until_there()
        time.sleep(0.3)
    time.sleep(2)
    sender.restart()  # the last one delivers what the one before it left
    expected = {number for one in sender.safe for number in one}
    deadline_s = time.monotonic() + SETTLED_S
    while expected - set(listener.numbers) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    sender.kill()
    listener.close()
    firsts = list(dict.fromkeys(listener.numbers))
    return Outcome(
        len(expected),
        sorted(expected - set(firsts)),
        len(listener.numbers) - len(firsts),
        firsts == sorted(firsts),
        listener.replayed,
    )


if __name__ == "__main__":
    publish(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
