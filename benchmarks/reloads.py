"""Measures what reloads do to the memory: `python benchmarks/reloads.py` (two minutes).

The daemon runs on a looping clip as camera and microphone, and gets SIGHUP as soon as it has
published the first event after the reload before.
"""

import argparse
import os
import signal

from benchmarks.harness.device import NAME, device
from edge.commands.terminal import table
from edge.machine import rss_mb

ROWS = (0, 5, 10, 20, 50, 100)


def main() -> None:
    """Reloads as often as the option asks for, and prints the resident memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=100)
    count = parser.parse_args().reloads
    rows = []
    with device(health_interval_s=10.0) as (pid, subscriber, _):
        subscriber.until(f"{NAME}/event", timeout_s=60)
        for number in range(count + 1):
            if number:
                os.kill(pid, signal.SIGHUP)
                subscriber.until(f"{NAME}/status", "online", timeout_s=30)
                subscriber.until(f"{NAME}/event", timeout_s=30)
            if number in ROWS or number == count:
                rows.append((str(number), f"{rss_mb(pid):.1f}"))
    print(table(("reloads", "memory, MB"), rows))


if __name__ == "__main__":
    main()
