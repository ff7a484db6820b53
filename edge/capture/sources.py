"""Tells what `camera.source` and `microphone.source` name: a device, a file or an address."""

from pathlib import Path

from edge.capture.media import VIDEOS


def is_address(source: int | str) -> bool:
    """True for the URL of a network stream."""
    return "://" in str(source)


def is_video_file(source: int | str) -> bool:
    """True for a camera source that names a video file, even a missing one."""
    if isinstance(source, int) or is_address(source):
        return False
    path = Path(source)
    return path.is_file() or path.suffix.lower() in VIDEOS


def is_sound_file(source: str) -> bool:
    """True for a microphone source that names a sound file, even a missing one."""
    return "/" in source or Path(source).is_file()


def without_credentials(address: str) -> str:
    """Returns a URL fit for logs and topics, without user, password and query."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
