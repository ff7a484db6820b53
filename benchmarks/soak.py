"""Measures whether the daemon leaks memory or files: `python benchmarks/soak.py [--minutes 60]`.

The daemon runs in its own process on looping clips as camera and microphone, with a real broker.
At each of its health messages, ten seconds apart, a text is sent, and its resident memory, open
files and threads are read. The slope is that of a straight line through the memory after the first
five minutes (in a run below 50 minutes, after a tenth of the time).
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.harness.device import NAME, device
from benchmarks.harness.subscriber import Subscriber
from edge.commands.terminal import table
from edge.machine import peak_rss_mb, rss_mb

INTERVAL_S = 10.0
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


def watch(pid: int, subscriber: Subscriber, duration_s: float) -> None:
    """Reads the process for `duration_s`, and prints a report."""
    readings: list[Reading] = []
    messages = 0
    started_s = time.monotonic()
    while (at_s := time.monotonic() - started_s) < duration_s:
        messages += len(subscriber.until(f"{NAME}/health", timeout_s=6 * INTERVAL_S))
        readings.append(read(pid, at_s))
        text = TEXTS[len(readings) % len(TEXTS)]
        subscriber.client.publish(f"emotion/{NAME}/set/text", text, qos=1)
    report(readings, duration_s)
    print(f"peak {peak_rss_mb(pid):.1f} MB, {messages} messages received")


def report(readings: list[Reading], duration_s: float) -> None:
    """Prints a table of the readings' medians, and the slope."""
    rows = []
    for part in np.array_split(np.array(readings), ROWS):
        rss, files, threads = np.median(part[:, 1:], axis=0)
        minutes = f"{part[0, 0] / 60:.0f} to {part[-1, 0] / 60:.0f}"
        rows.append((minutes, f"{rss:.2f}", f"{files:.0f}", f"{threads:.0f}"))
    print(table(("minutes", "memory, MB", "open files", "threads"), rows))
    settled_s = min(WARM_UP_S, duration_s / 10)
    settled = np.array([one for one in readings if one.at_s >= settled_s])
    slope = np.polyfit(settled[:, 0] / 3600, settled[:, 1], 1)[0]
    print(f"slope after {settled_s / 60:.0f} minutes: {slope:+.2f} MB an hour")


def main() -> None:
    """Runs the daemon for the given time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    duration_s = 60 * parser.parse_args().minutes
    with device(INTERVAL_S) as (pid, subscriber):
        watch(pid, subscriber, duration_s)


if __name__ == "__main__":
    main()
