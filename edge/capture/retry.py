"""Decides when to open a failed device again."""

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path

from edge.capture.device import DEVICE_FOLDER
from edge.config import Backoff

POLL_INTERVAL_S = 0.2


def readable_devices(folder: Path = DEVICE_FOLDER) -> frozenset[str]:
    """Lists the device files of cameras and sound cards that this user may read.

    udev grants access some time after a new file appears.
    """
    found = [name for name in _names(folder) if name.startswith("video")]
    found += [f"snd/{name}" for name in _names(folder / "snd")]
    return frozenset(name for name in found if os.access(folder / name, os.R_OK))


def _names(folder: Path) -> list[str]:
    try:
        return [one.name for one in folder.iterdir()]
    except OSError:  # the folder disappears with the last card
        return []


class Retry:
    """Waits that double until a device was steady, and end early when a device is plugged in.

    A device plugged in during an attempt counts too: the attempt may have missed it.
    """

    def __init__(
        self, waits: Backoff, list_devices: Callable[[], frozenset[str]] = readable_devices
    ) -> None:
        self._waits, self._list_devices = waits, list_devices
        self._wait_s = waits.shortest_s
        self._known: frozenset[str] = frozenset()

    def start_attempt(self) -> None:
        """Notes the current devices; call it before each attempt to open one."""
        self._known = self._list_devices()

    def wait(self, stop: threading.Event, was_steady: bool) -> None:
        """Waits until it is time for the next attempt, or until stopped."""
        if was_steady:
            self._wait_s = self._waits.shortest_s
        longer_s = min(self._wait_s * 2, self._waits.longest_s)
        plugged = self._wait_for_plug(stop)
        self._wait_s = self._waits.shortest_s if plugged else longer_s

    def _wait_for_plug(self, stop: threading.Event) -> bool:
        """Returns True if a device is plugged in before the wait is over.

        A card has several files: it is complete once two polls in a row find the same ones.
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
