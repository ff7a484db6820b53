"""Controls by which the service steers the threads that read devices."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class RunControl:
    """Signals that all readers obey."""

    running: threading.Event
    """While it is not set, devices are closed."""
    stop: threading.Event


@dataclass
class Pace:
    """Current rates, set by the governor and read for every frame."""

    fps: float
    """Maximum number of frames a second."""
    detect_every: int = 1
    """Frames from one face detection to the next."""
