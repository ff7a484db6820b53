"""Opens any container with FFmpeg through PyAV, the extra `media`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av

from edge.errors import SourceError

DECODER_ERRORS = (av.FFmpegError, ValueError, LookupError, MemoryError)
"""What PyAV raises for a damaged file."""
UNKNOWN_LENGTHS = {
    *("aac", "ac3", "amr", "dts", "eac3", "h264", "hevc", "loas", "mp3", "mpeg", "mpegts"),
}
"""Containers of which FFmpeg only guesses the length."""
MATROSKA, FLV = "matroska,webm", "flv"
DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d\.\d+)")
"""The length of a stream, as Matroska and WebM tag it."""
NO_OTHER_FILES = {"protocol_whitelist": "none"}
"""A playlist may name addresses and other files; they are not opened."""
MAX_PIXELS = 50_000_000
"""Pixels of a picture beside a sound, which FFmpeg looks at too."""


def open_container(
    file: Any, name: str, max_pixels: int = MAX_PIXELS, kind: str = "sound or video"
) -> Any:
    """Opens a file object as a container of that kind; raises SourceError."""
    options = NO_OTHER_FILES | {"max_pixels": str(max_pixels)}
    try:
        return av.open(file, options=options, metadata_errors="replace")
    except DECODER_ERRORS as error:
        raise SourceError(f"{name}: not a readable {kind} ({reason_of(error)})") from error


@contextmanager
def opened(file: Any, name: str, kind: str = "sound or video") -> Iterator[Any]:
    """Opens a file object as a container, and closes it; raises SourceError in between too."""
    with open_container(file, name, kind=kind) as container:
        try:
            yield container
        except DECODER_ERRORS as error:
            raise SourceError(f"{name}: not a readable {kind} ({reason_of(error)})") from error


def promised_s(container: Any, stream: Any) -> float | None:
    """Returns the length of a stream by its container; None if that does not say, or guesses."""
    if stream.duration and container.format.name not in UNKNOWN_LENGTHS:
        return float(stream.duration * stream.time_base)
    if (tag := DURATION.fullmatch(stream.metadata.get("DURATION", ""))) is not None:
        hours, minutes, seconds = tag.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    gives_one = container.format.name == FLV or (
        container.format.name == MATROSKA and len(container.streams) == 1
    )
    if gives_one and container.duration:
        return float(container.duration / av.time_base)
    return None


def reason_of(error: Exception) -> str:
    """Returns what went wrong, without the name that FFmpeg has for the file."""
    return getattr(error, "strerror", "") or str(error) or type(error).__name__
