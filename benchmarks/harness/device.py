"""Runs a whole device: the daemon as a process on a looping clip, and its broker."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST

NAME = "bench"


class Device(NamedTuple):
    """A running device of the name NAME."""

    pid: int
    """The daemon's process id."""
    subscriber: Subscriber
    """Receives all its messages."""
    broker: Mosquitto


@contextmanager
def device(health_interval_s: float, **settings: Any) -> Iterator[Device]:
    """Runs a device whose camera and microphone are a looping clip, changed by `settings`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        clip = {"source": str(HAPPY_CLIP), "loop": True}
        mqtt = {"host": HOST, "port": broker.port, "device": NAME}
        defaults = {
            "camera": clip,
            "microphone": clip,
            "mqtt": mqtt | {"health_interval_s": health_interval_s} | settings.pop("mqtt", {}),
        }
        subscriber = Subscriber(broker.port)
        with daemon(folder, defaults | settings, stderr=subprocess.DEVNULL) as process:
            try:
                yield Device(process.pid, subscriber, broker)
            finally:
                process.terminate()
                process.wait(10)
                subscriber.close()
                broker.stop()
