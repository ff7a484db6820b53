"""Measures whether the daemon leaks memory or files: `python benchmarks/soak.py [--minutes 60]`.

The daemon runs in its own process on looping clips as camera and microphone, with a real broker.
At each of its health messages, ten seconds apart, a text is sent, and its resident memory, open
files and threads are read. With `--reload-every-s` and `--outage-every-s` it is reloaded (SIGHUP),
and the broker stopped for 20 s, again and again. The growth is that of the median memory from the
first fifth to the last of the time after `--settle-minutes` (by default five, in a run below 50
minutes a tenth). The `sequence` of an episode's events shows whether one of them was lost.
"""

import argparse
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.harness.device import NAME, Device, device
from edge.commands.terminal import table
from edge.machine import peak_rss_mb, rss_mb

INTERVAL_S = 10.0
PATIENCE_S = 180.0
"""Time limit for a health message, which waits for the connection after an outage."""
OUTAGE_S = 20.0
WARM_UP_S = 300.0
ROWS = 6
TEXTS = ("I am so happy about this!", "Leave me alone, this is awful.", "What is the time?")


class Reading(NamedTuple):
    """The state of the process at one moment."""

    at_s: float
    rss_mb: float
    files: int
    threads: int


def read(pid: int, at_s: float) -> Reading:
    """Reads the process's memory, open files and threads."""
    process = Path("/proc", str(pid))
    files, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    return Reading(at_s, rss_mb(pid), files, threads)


class Every:
    """Something that is due every `period_s`, or never if that is 0."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self.count = 0

    def is_due(self, at_s: float) -> bool:
        """Returns whether it is due, and counts it if so."""
        due = 0 < self._period_s * (self.count + 1) <= at_s
        self.count += due
        return due


class Episodes:
    """Counts the events of each episode, to notice one that is missing."""

    def __init__(self) -> None:
        self._sequences: dict[str, list[int]] = defaultdict(list)

    def add(self, messages: Iterable[tuple[str, str]]) -> None:
        """Adds the events among messages of topic and payload."""
        for topic, payload in messages:
            if topic.endswith("/event"):
                event = json.loads(payload)
                self._sequences[event["id"]].append(event["data"]["sequence"])

    @property
    def events(self) -> int:
        """Number of different events."""
        return sum(len(set(numbers)) for numbers in self._sequences.values())

    @property
    def lost(self) -> int:
        """Number of events that are missing before the last one of their episode."""
        return sum(max(one) + 1 - len(set(one)) for one in self._sequences.values())

    @property
    def in_order(self) -> bool:
        """False if an event first arrived after a later one of its episode."""
        firsts = (list(dict.fromkeys(numbers)) for numbers in self._sequences.values())
        return all(numbers == sorted(numbers) for numbers in firsts)


def watch(bench: Device, duration_s: float, reloads: Every, outages: Every) -> list[Reading]:
    """Reads the process for `duration_s`, prints what became of its events."""
    readings: list[Reading] = []
    episodes = Episodes()
    started_s = time.monotonic()
    while (at_s := time.monotonic() - started_s) < duration_s:
        episodes.add(bench.subscriber.until(f"{NAME}/health", timeout_s=PATIENCE_S))
        readings.append(read(bench.pid, at_s))
        text = TEXTS[len(readings) % len(TEXTS)]
        bench.subscriber.client.publish(f"emotion/{NAME}/set/text", text, qos=1)
        if reloads.is_due(at_s):
            os.kill(bench.pid, signal.SIGHUP)
        if outages.is_due(at_s):
            bench.broker.stop()
            time.sleep(OUTAGE_S)
            bench.broker.start()
    order = "in order" if episodes.in_order else "out of order"
    print(f"{reloads.count} reloads, {outages.count} outages of {OUTAGE_S:.0f} s")
    print(f"{episodes.events} events, {episodes.lost} lost, {order}")
    return readings


def report(readings: list[Reading], settled_s: float) -> None:
    """Prints a table of the readings' medians, and the growth after `settled_s`."""
    rows = []
    for part in np.array_split(np.array(readings), min(ROWS, len(readings))):
        rss, files, threads = np.median(part[:, 1:], axis=0)
        minutes = f"{part[0, 0] / 60:.0f} to {part[-1, 0] / 60:.0f}"
        rows.append((minutes, f"{rss:.2f}", f"{files:.0f}", f"{threads:.0f}"))
    print(table(("minutes", "memory, MB", "open files", "threads"), rows))
    settled = [one.rss_mb for one in readings if one.at_s >= settled_s]
    if len(settled) < ROWS:
        print(f"too short for a growth: {len(settled)} readings after {settled_s / 60:.0f} minutes")
        return
    fifth = len(settled) // 5
    growth_mb = np.median(settled[-fifth:]) - np.median(settled[:fifth])
    print(f"growth after {settled_s / 60:.0f} minutes: {growth_mb:+.2f} MB")


def main() -> None:
    """Runs the daemon for the given time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--settle-minutes", type=float)
    parser.add_argument("--reload-every-s", type=float, default=0.0)
    parser.add_argument("--outage-every-s", type=float, default=0.0)
    options = parser.parse_args()
    duration_s = 60 * options.minutes
    settled_s = min(WARM_UP_S, duration_s / 10)
    if options.settle_minutes is not None:
        settled_s = 60 * options.settle_minutes
    reloads, outages = Every(options.reload_every_s), Every(options.outage_every_s)
    with device(INTERVAL_S) as bench:
        report(watch(bench, duration_s, reloads, outages), settled_s)
        print(f"peak {peak_rss_mb(bench.pid):.1f} MB")


if __name__ == "__main__":
    main()
