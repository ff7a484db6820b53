"""How much is asked of the device at present."""

from dataclasses import dataclass


@dataclass
class Pace:
    """Changed by the governor, read by the threads of camera and face model at every frame."""

    fps: float
    """Frames a second that are looked at, at most."""
    detect_every: int = 1
    """Frames from one detection of faces to the next."""
