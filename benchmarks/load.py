"""Measures how the daemon keeps within a CPU budget: `python benchmarks/load.py`.

For each budget a separate daemon runs on a looping clip as camera and microphone until the governor
has had time for all its levels; then its health messages are averaged for half a minute. CPU is in
percent of one core.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness.device import NAME, device
from benchmarks.harness.subscriber import Subscriber
from edge.commands.terminal import table
from edge.service.governor import INTERVAL_S, LEVELS

SHARES = (None, 0.75, 0.5, 0.25)
"""Budgets, as shares of the CPU that the daemon uses without one."""
SETTLE_MESSAGES = len(LEVELS) + 1
MEASURED_MESSAGES = 6


def health(subscriber: Subscriber) -> Iterator[dict[str, Any]]:
    """Yields the data of each health message."""
    while True:
        message = subscriber.until(f"{NAME}/health", timeout_s=6 * INTERVAL_S)[-1][1]
        yield json.loads(message)["data"]


def measure(budget_percent: float) -> tuple[float, dict[str, Any], float]:
    """Returns CPU in percent, the last `load`, and pictures read per second."""
    with device(INTERVAL_S, load={"max_cpu_percent": budget_percent}) as (_, subscriber, _):
        messages = health(subscriber)
        for _ in range(SETTLE_MESSAGES):
            next(messages)
        measured = [next(messages) for _ in range(MEASURED_MESSAGES)]
    cpu_percent = float(np.mean([one["cpu_percent"] for one in measured]))
    per_s = float(np.mean([one["stages"]["face"]["per_s"] for one in measured]))
    return cpu_percent, measured[-1]["load"], per_s


def main() -> None:
    """Measures without a budget, then with shares of that CPU."""
    rows, free_percent = [], 0.0
    for share in SHARES:
        budget_percent = 100.0 if share is None else share * free_percent
        cpu_percent, load, per_s = measure(budget_percent)
        free_percent = free_percent or cpu_percent
        rows.append(
            (
                f"{budget_percent:.1f} %",
                f"{cpu_percent:.1f} %",
                str(load["level"]),
                f"every {load['detect_every']}",
                f"{per_s:.1f}",
            )
        )
    print(table(("budget", "CPU", "level", "detected in", "pictures a second"), rows))


if __name__ == "__main__":
    main()
