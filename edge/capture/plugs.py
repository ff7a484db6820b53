"""Tells when a camera or a sound card is plugged in, or out."""

import math
import os
import threading
from pathlib import Path

DEVICES = Path("/dev")
LOOK_S = 0.2


def plugged_in(devices: Path = DEVICES) -> frozenset[str]:
    """The device files of cameras and sound cards that may be read.

    That a new one may be, udev says some time after it is there.
    """
    found = [*devices.glob("video*"), *devices.glob("snd/*")]
    return frozenset(str(file) for file in found if os.access(file, os.R_OK))


def await_plug(stop: threading.Event, longest_s: float, devices: Path = DEVICES) -> bool:
    """Waits `longest_s`, but no longer than until devices have come or gone; whether they have.

    A card has several files, which come one after the other: that they have come is told once a
    look finds what the one before it found.
    """
    before, changed = plugged_in(devices), False
    looks = max(math.ceil(longest_s / LOOK_S), 1)
    for _ in range(looks):
        if stop.wait(longest_s / looks):
            return False
        now = plugged_in(devices)
        if changed and now == before:
            return True
        changed, before = changed or now != before, now
    return changed
