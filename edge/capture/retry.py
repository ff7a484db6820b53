"""When a device that failed is opened again."""

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path

from edge.capture.v4l2 import DEVICE_FOLDER
from edge.config import Backoff

POLL_INTERVAL_S = 0.2


def readable_devices(folder: Path = DEVICE_FOLDER) -> frozenset[str]:
    """The device files of cameras and sound cards that may be read.

    That a new one may be, udev says some time after it is there.
    """
    found = [name for name in _names(folder) if name.startswith("video")]
    found += [f"snd/{name}" for name in _names(folder / "snd")]
    return frozenset(name for name in found if os.access(folder / name, os.R_OK))


def _names(folder: Path) -> list[str]:
    try:
        return [one.name for one in folder.iterdir()]
    except OSError:  # it goes with the last card
        return []


class Retry:
    """After waits that double until a device was steady, and at once when one is plugged in.

    One that is plugged in while another is being opened was perhaps overlooked, and counts too.
    """

    def __init__(
        self, waits: Backoff, list_devices: Callable[[], frozenset[str]] = readable_devices
    ) -> None:
        self._waits, self._list_devices = waits, list_devices
        self._wait_s = waits.shortest_s
        self._known: frozenset[str] = frozenset()

    def start_attempt(self) -> None:
        """Told before each opening."""
        self._known = self._list_devices()

    def wait(self, stop: threading.Event, was_steady: bool) -> None:
        """Waits until it is time to open again, or told to stop."""
        if was_steady:
            self._wait_s = self._waits.shortest_s
        longer_s = min(self._wait_s * 2, self._waits.longest_s)
        plugged = self._wait_for_plug(stop)
        self._wait_s = self._waits.shortest_s if plugged else longer_s

    def _wait_for_plug(self, stop: threading.Event) -> bool:
        """Whether a device is plugged in before the wait is over.

        A card has several files: it is there once a look finds what the one before it found.
        """
        known, plugged = self._known, False
        polls = math.ceil(self._wait_s / POLL_INTERVAL_S)
        for _ in range(polls):
            if stop.wait(self._wait_s / polls):
                return False
            now = self._list_devices()
            if plugged and now == known:
                return True
            plugged, known = plugged or bool(now - known), now
        return plugged
