"""What the daemon gives up to keep within a budget: `python benchmarks/load.py`.

For each budget a daemon of its own runs on a looping clip, camera and microphone alike, until the
governor has had time for all its levels; then its health messages of another half minute are
averaged. CPU is in percent of one core.
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
"""Of what it takes without a budget."""
SETTLE_MESSAGES = len(LEVELS) + 1
MEASURED_MESSAGES = 6


def health(subscriber: Subscriber) -> Iterator[dict[str, Any]]:
    """The data of one health message after another."""
    while True:
        message = subscriber.until(f"{NAME}/health", patience_s=6 * INTERVAL_S)[-1][1]
        yield json.loads(message)["data"]


def measure(budget_percent: float) -> tuple[float, dict[str, Any], float]:
    """CPU in percent, what `load` says in the end, and pictures read a second."""
    with device(INTERVAL_S, load={"max_cpu_percent": budget_percent}) as (_, subscriber):
        messages = health(subscriber)
        for _ in range(SETTLE_MESSAGES):
            next(messages)
        told = [next(messages) for _ in range(MEASURED_MESSAGES)]
    cpu_percent = float(np.mean([one["cpu_percent"] for one in told]))
    per_s = float(np.mean([one["stages"]["face"]["per_s"] for one in told]))
    return cpu_percent, told[-1]["load"], per_s


def main() -> None:
    """Measures without a budget, then with shares of what that took."""
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
