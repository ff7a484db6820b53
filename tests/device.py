"""A whole device for benchmarks: the daemon as a process on a looping clip, and its broker."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from edge.commands.demo.broker import HOST
from tests.conftest import Mosquitto
from tests.live.test_publisher import Subscriber
from tests.support import HAPPY_CLIP

NAME = "bench"


@contextmanager
def device(health_interval_s: float, **settings: Any) -> Iterator[tuple[int, Subscriber]]:
    """The process's id, and a subscriber of everything that it publishes as NAME."""
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
            "state_folder": str(folder / "state"),
        }
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump(defaults | settings))
        subscriber = Subscriber(broker.port)
        process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "run", "--config", str(config)],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process.pid, subscriber
        finally:
            process.terminate()
            process.wait(10)
            subscriber.close()
            broker.stop()
