"""Measures the cost of publishing in time and memory: `python benchmarks/publishing.py`.

The time is that of the loop that fuses, which hands over events: first 20 a second, then 5,000 at
once, with a broker and without one, which fills the spool. The memory is what publishing adds to a
process that has imported everything else the daemon needs.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness.mosquitto import Mosquitto
from edge.clock import Clock
from edge.commands.demo.broker import HOST, free_port
from edge.commands.terminal import table
from edge.config import Mqtt
from edge.emotions import EMOTIONS
from edge.machine import rss_mb
from edge.publish.composer import Composer
from edge.tracking.episodes import Change, State
from edge.values import Belief

PACED, BURST = 200, 5000
INTERVAL_S = 0.05
PROBABILITIES = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)


def measure(port: int, folder: Path) -> None:
    """Prints milliseconds per event (median, p99, maximum; burst: mean), and memory in MB."""
    clock = Clock()
    composer = Composer("emotion/bench", clock)
    before_mb = rss_mb(os.getpid())
    from edge.publish.publisher import Publisher

    publisher = Publisher(Mqtt(host=HOST, port=port, device="bench"), lambda *_: None, folder)
    publisher.start()
    time.sleep(1)
    took_ms = []
    for number in range(PACED):
        belief = Belief(PROBABILITIES, {"face": 1.0}, clock.now_s())
        change = Change(str(number), 0, "start", State("happy", belief, 1, 1, clock.now_s()), 0.0)
        started_s = time.perf_counter()
        publisher.publish(composer.event(change))
        took_ms.append((time.perf_counter() - started_s) * 1e3)
        time.sleep(INTERVAL_S)
    started_s = time.perf_counter()
    for _ in range(BURST):
        publisher.publish(composer.event(change))
    burst_ms = (time.perf_counter() - started_s) * 1e3 / BURST
    time.sleep(6)
    p50, p99 = np.percentile(took_ms, [50, 99])
    print(p50, p99, max(took_ms), burst_ms, rss_mb(os.getpid()) - before_mb)
    publisher.stop()


def main() -> None:
    """Measures with and without a broker, and prints a table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        for title, port in (("with a broker", broker.port), ("no broker", free_port())):
            state = folder / title.replace(" ", "-")
            command = [sys.executable, __file__, str(port), str(state)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            p50, p99, longest, burst, memory = (float(one) for one in output.split())
            rows.append(
                (
                    title,
                    f"{p50:.3f} ms",
                    f"{p99:.3f} ms",
                    f"{longest:.3f} ms",
                    f"{burst:.3f} ms",
                    f"{memory:.1f} MB",
                )
            )
        broker.stop()
    print(table(("an event", "median", "p99", "longest", "5,000 at once", "memory"), rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
