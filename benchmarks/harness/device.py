"""Runs a whole device: the daemon as a process on a looping clip, and its broker."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST

NAME = "bench"


@contextmanager
def device(health_interval_s: float, **settings: Any) -> Iterator[tuple[int, Subscriber]]:
    """Yields the daemon's process id, and a subscriber to all its messages as device NAME."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        clip = {"source": str(HAPPY_CLIP), "loop": True}
        mqtt = {"host": HOST, "port": broker.port, "device": NAME}
        defaults = {
            "camera": clip,
            "microphone": clip,
            "mqtt": mqtt | {"health_interval_s": health_interval_s},
        }
        subscriber = Subscriber(broker.port)
        with daemon(folder, defaults | settings, stderr=subprocess.DEVNULL) as process:
            try:
                yield process.pid, subscriber
            finally:
                process.terminate()
                process.wait(10)
                subscriber.close()
                broker.stop()
