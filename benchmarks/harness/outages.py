"""Kills brokers and publishers at random moments, and counts what arrives at a subscriber.

The publisher's clock may be set meanwhile, and bits of its spool flipped while it is dead.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.numbered_events import RATE_PER_S, SetClock, clock_of
from edge.commands.demo.broker import HOST
from edge.publish.publisher import SPOOL_FILE

PATIENCE_S = 60.0
"""Time limit for a publishing process to start, on a busy machine."""
STEPS_S = (-1.8e9, -1e6, -3600.0, -5.0, 0.0, 5.0, 3600.0, 1e6, 3e8)
"""Seconds ahead of the true time, from before 1970 was over to ten years from now."""
SETTLED_S = 60.0
"""Time limit for all safe events to arrive after the last outage."""


def flip_a_bit(folder: Path, rng: random.Random) -> None:
    """Changes one bit of the spool in a folder."""
    files = [folder / SPOOL_FILE]
    files += [one for one in folder.glob(f"{SPOOL_FILE}-wal") if one.stat().st_size]
    file = rng.choices(files, [one.stat().st_size for one in files])[0]
    content = bytearray(file.read_bytes())
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


class Sender:
    """A publishing process that is killed without warning and started again."""

    def __init__(self, port: int, folder: Path, rate_per_s: float) -> None:
        self._port, self._folder, self._rate_per_s = port, folder, rate_per_s
        SetClock.set(clock_of(folder), 0.0)
        self.safe: list[range] = []
        """Numbers of the events that must arrive, by process."""
        self._start(0)

    def _start(self, first: int) -> None:
        self._first, self._last_line = first, f"{first} {first} {first}"
        command = [
            sys.executable,
            "-m",
            "benchmarks.harness.numbered_events",
            str(self._port),
            str(self._folder),
        ]
        self._process = subprocess.Popen(
            [*command, str(first), str(self._rate_per_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._last_line = line

    @property
    def _next(self) -> int:
        """Number of the next event."""
        return int(self._last_line.split()[0])

    @property
    def acknowledged(self) -> int:
        """Number up to which the broker has acknowledged the events of this process."""
        return int(self._last_line.split()[2])

    def wait_for(self, count: int) -> None:
        """Waits until so many more events are published; raises AssertionError if none comes."""
        end, before, deadline_s = self._next + count, self._next, time.monotonic() + PATIENCE_S
        while self._next < end:
            if self._next > before:
                before, deadline_s = self._next, time.monotonic() + PATIENCE_S
            assert time.monotonic() < deadline_s
            time.sleep(0.005)

    def kill(self) -> int:
        """Kills the process; returns the first number for the next one."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        published, safe, _ = (int(one) for one in self._last_line.split())
        self.safe.append(range(self._first, safe))
        return published + 1  # one more may have been on its way

    def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Kills the process and starts another."""
        first = self.kill()
        meanwhile()
        self._start(first)


@dataclass
class Outcome:
    """Counts of the events expected and received."""

    expected: int = 0
    missing: list[int] = field(default_factory=list)
    repeated: int = 0
    """Deliveries of an event that had arrived before, by `id` and `sequence`."""
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
        self._subscribed = threading.Event()
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_message = self._on_message
        self._client.connect(HOST, port)
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe("emotion/+/event", qos=1)

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        self.numbers.append(int(event["id"]))
        self.replayed += event["data"]["replayed"]

    def wait_until_subscribed(self) -> None:
        """Waits until it has subscribed again; raises AssertionError after 10 s."""
        assert self._subscribed.wait(10)

    def wait_for(self, number: int) -> None:
        """Waits until an event has arrived, at most 10 s."""
        deadline_s = time.monotonic() + 10
        while max(self.numbers[-1:], default=-1) < number and time.monotonic() < deadline_s:
            time.sleep(0.001)

    def close(self) -> None:
        """Disconnects; the broker keeps its session."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(frozen=True)
class Faults:
    """What happens, at random moments."""

    broker_kills: int
    sender_kills: int
    """Number of kills of the broker at which the sender is killed too."""
    clock_steps: int = 0
    """Number of kills of the broker at which the sender's clock is set."""
    flips: bool = False
    """Changes a bit of the spool at every kill of the sender."""
    unseen: bool = False
    """Kills the broker even if the subscriber does not have all that it has acknowledged."""


def endure(
    broker: Mosquitto, folder: Path, faults: Faults, seed: int, rate_per_s: float = RATE_PER_S
) -> Outcome:
    """Kills the broker and, at some of its kills, the sender; returns what arrived.

    Outages last for a number of events, and so a higher rate makes them shorter.
    """
    rng = random.Random(seed)  # noqa: S311
    listener = Listener(broker.port)
    listener.wait_until_subscribed()
    broker.stop()  # it saves the subscription, and has it after every kill
    broker.start()
    listener.wait_until_subscribed()
    sender = Sender(broker.port, folder, rate_per_s)
    kills = range(faults.broker_kills)
    sender_killed_at = set(rng.sample(kills, faults.sender_kills))
    set_at = set(rng.sample(kills, faults.clock_steps))
    sender.wait_for(20)
    for number in kills:
        sender.wait_for(rng.randrange(4, 40))
        time.sleep(rng.uniform(0, 1 / rate_per_s))
        if not faults.unseen:
            # A killed mosquitto loses what it has acknowledged and not delivered.
            listener.wait_for(sender.acknowledged - 1)
        broker.kill()
        if number in set_at:
            sender.wait_for(1)
            SetClock.set(clock_of(folder), rng.choice(STEPS_S))
        if number in sender_killed_at:
            sender.wait_for(rng.randrange(30))
            sender.restart(lambda: flip_a_bit(folder, rng) if faults.flips else None)
        sender.wait_for(rng.randrange(1, 40))
        broker.start()
        listener.wait_until_subscribed()
        sender.wait_for(6)
    sender.wait_for(20)
    sender.restart()  # the last one delivers what the previous one left
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
