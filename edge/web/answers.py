"""What workers answer beside the results of the Python API."""

import msgspec

from emotiond import Result


class Faces(msgspec.Struct, frozen=True):
    """The answer for a picture."""

    faces: int
    results: tuple[Result, ...]
    """The largest face first."""


class LiveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one picture, sound or text of a live page."""

    captured_s: float
    """As the page gave it, unless that was more than 15 s before a sound or text."""
    observations: tuple[Result, ...]
    """What this input says by itself."""
    faces: int | None = None
    """In a picture."""
    fused: Result | None
    """Of the primary person."""
    everybody: tuple[Result, ...]
