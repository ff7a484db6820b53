"""Controls by which the service steers the threads that read devices."""

import threading
from dataclasses import dataclass, field


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass(frozen=True)
class RunControl:
    """Signals that everything that captures obeys; by default, it runs and nothing stops it."""

    running: threading.Event = field(default_factory=_set_event)
    """While it is not set, devices are closed."""
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass
class Pace:
    """Current rates, set by the governor and read for every frame."""

    fps: float
    """Maximum number of frames a second."""
    detect_every: int = 1
    """Frames from one face detection to the next."""
