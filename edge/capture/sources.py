"""Tells what `camera.source` and `microphone.source` name: a device, a file or an address."""

import re
from pathlib import Path
from urllib.parse import quote

from edge.capture.media import VIDEOS
from edge.config import Camera
from edge.secrets import account, with_variables

HOST_AND_PORT = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+(%\w+)?\])(:\d{1,5})?")


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


def with_account(config: Camera) -> str:
    """Returns a camera's address with its variables, user name and password; others as they are.

    Raises ConfigError if a secret cannot be had.
    """
    source = str(config.source)
    if not is_address(source):
        return source
    address = with_variables("camera.source", source)
    username, password = account("camera", config.username, config.password_file)
    scheme, _, rest = address.partition("://")
    if not username or "@" in rest.partition("/")[0]:
        return address
    secret = f":{quote(password, safe='')}" if password else ""
    return f"{scheme}://{quote(username, safe='')}{secret}@{rest}"


def shown(source: int | str) -> str:
    """Returns a source fit for logs and topics: of an address only scheme, host and port.

    Cameras take passwords in the place for them, in the path and in the query; an address that is
    not plain, as with a slash in its password, is shown without its host.
    """
    if not is_address(source):
        return repr(source)
    scheme, _, rest = str(source).partition("://")
    authority, *path = re.split(r"[/?#;\\]", rest, maxsplit=1)
    host = authority.rpartition("@")[2]
    is_plain = HOST_AND_PORT.fullmatch(host) and "@" not in "".join(path)
    return f"'{scheme}://{host if is_plain else '…'}'"
