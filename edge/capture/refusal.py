"""Finds out whether a network camera asks for a password, which FFmpeg does not tell OpenCV."""

import contextlib
import socket
from urllib.parse import urlsplit

PORTS = {"rtsp": 554, "http": 80}
TIMEOUT_S = 2.0
UNAUTHORIZED = (b"401", b"403")


def password_remedy(address: str) -> str:
    """Returns what to do if the server of an address asks for a password; empty if it does not.

    Asks without the password, so the answer of a server that lets everybody in is empty.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:  # not a plain address
        return ""
    if not host or port is None or parts.scheme not in PORTS:
        return ""
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "rtsp":
        target = f"rtsp://{parts.netloc.rpartition('@')[2]}{path}"
        request = f"DESCRIBE {target} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    else:
        request = f"GET {path or '/'} HTTP/1.0\r\nHost: {host}\r\n\r\n"
    if _status(host, port, request.encode()) not in UNAUTHORIZED:
        return ""
    if parts.username is None:
        return "it asks for a user name and a password: set camera.username and password_file"
    return (
        "it asks for a password, and does not take this one: check user name and password; in the "
        "address itself special characters are percent-encoded (/ is %2F, @ is %40), in "
        "camera.password_file they are not"
    )


def _status(host: str, port: int, request: bytes) -> bytes:
    """Returns the number in the first line of the answer; empty without an answer."""
    with (
        contextlib.suppress(OSError, UnicodeError),
        socket.create_connection((host, port), TIMEOUT_S) as wire,
    ):
        wire.sendall(request)
        first = wire.recv(64).split(b" ", 2)
        return first[1] if len(first) > 1 else b""
    return b""
