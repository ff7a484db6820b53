"""Tells what `camera.source` and `microphone.source` name: a device, a file or an address."""

import re
import stat
from pathlib import Path
from urllib.parse import quote, unquote

from edge.capture.files import form_of
from edge.capture.kinds import VIDEOS
from edge.config import Camera
from edge.errors import ConfigError, SourceError
from edge.secrets import account, with_variables

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
HOST_AND_PORT = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+(%\w+)?\])(:\d{1,5})?")


def is_address(source: int | str) -> bool:
    """True for the URL of a network stream."""
    return "://" in str(source)


def is_video_file(source: int | str) -> bool:
    """True for a camera source that names a video file, even a missing one."""
    if isinstance(source, int) or is_address(source):
        return False
    path = Path(source)
    return form_of(path) == stat.S_IFREG or path.suffix.lower() in VIDEOS


def is_sound_file(source: str) -> bool:
    """True for a microphone source that names a sound file, even a missing one."""
    return "/" in source or form_of(Path(source)) == stat.S_IFREG


def address_of(config: Camera) -> str:
    """Returns a camera's address with its variables, user name and password; others as they are.

    A user name in the address gets its password from the same places as one of `camera.username`.
    Raises SourceError if a secret cannot be had.
    """
    source = str(config.source)
    if not is_address(source):
        return source
    try:
        address = with_variables("camera.source", source)
        scheme, _, rest = address.partition("://")
        authority, end = _split_authority(rest)
        userinfo, _, host = authority.rpartition("@")
        if ":" in userinfo:
            return address
        username, password = account(
            "camera", unquote(userinfo) or config.username, config.password_file
        )
    except ConfigError as error:
        raise SourceError(str(error)) from error.__cause__
    if not username:
        return address
    secret = f":{quote(password, safe='')}" if password else ""
    return f"{scheme}://{quote(username, safe='')}{secret}@{host}{end}"


def _split_authority(rest: str) -> tuple[str, str]:
    """Splits what follows a scheme into user and host, and the path and all after it."""
    length = len(re.split(r"[/?#;\\]", rest, maxsplit=1)[0])
    return rest[:length], rest[length:]


def shown(source: int | str) -> str:
    """Returns a source fit for logs and topics: of an address only scheme, host and port.

    Cameras take passwords in the place for them, in the path and in the query; an address that is
    not plain, as with a slash in its password, is shown without its host.
    """
    if not is_address(source):
        return repr(source)
    scheme, _, rest = str(source).partition("://")
    authority, path = _split_authority(rest)
    host = authority.rpartition("@")[2]
    is_plain = HOST_AND_PORT.fullmatch(host) and "@" not in path
    return f"'{scheme if SCHEME.fullmatch(scheme) else '…'}://{host if is_plain else '…'}'"
