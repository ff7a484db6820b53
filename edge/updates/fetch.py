"""Fetches a bundle from a server."""

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from edge.addresses import address_fault
from edge.config import Updates
from edge.errors import UpdateError

CHUNK = 1 << 16
SILENCE_S = 30.0
"""Longest wait for the next bytes."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses to ask another server than the configured one."""

    def redirect_request(self, *arguments: Any, **_: Any) -> None:
        host = urlsplit(arguments[-1]).hostname or "another place"
        raise UpdateError(f"the server redirects to {host[:253]}, which is not followed")


def fetch(address: str, target: BinaryIO, settings: Updates) -> str:
    """Writes what is at an address to a file, and returns its sha256.

    Raises UpdateError, and OSError of the disk alone.
    """
    if fault := address_fault(address, settings.insecure_http):
        raise UpdateError(f"{address}: {fault}")
    deadline_s = time.monotonic() + settings.timeout_s
    request = urllib.request.Request(address, headers={"Accept-Encoding": "identity"})  # noqa: S310 - http(s), checked above
    with _asked(request, settings) as answer:
        expected = _announced_bytes(answer, settings.max_bytes)
        received, digest = 0, hashlib.sha256()
        while chunk := _next(answer):
            received += len(chunk)
            if received > settings.max_bytes:
                raise UpdateError(f"longer than max_bytes, {settings.max_bytes}")
            if time.monotonic() > deadline_s:
                raise UpdateError(
                    f"not complete within timeout_s, {settings.timeout_s:g} s; "
                    f"{received} bytes arrived"
                )
            digest.update(chunk)
            target.write(chunk)
    if expected is not None and received != expected:
        raise UpdateError(f"the download ended after {received} of {expected} bytes")
    target.flush()
    return digest.hexdigest()


def _asked(request: urllib.request.Request, settings: Updates) -> Any:
    """Returns the answer of the server, of which only the headers have been read."""
    try:
        return _opener(settings).open(request, timeout=min(SILENCE_S, settings.timeout_s))
    except urllib.error.HTTPError as error:
        error.close()
        raise UpdateError(f"the server answers {error.code}") from error
    except urllib.error.URLError as error:
        raise UpdateError(f"the server cannot be reached ({_reason(error.reason)})") from error
    except http.client.RemoteDisconnected as error:
        raise UpdateError("the server closes the connection without an answer") from error
    except (http.client.HTTPException, ValueError) as error:
        raise UpdateError(f"the server does not speak HTTP ({type(error).__name__})") from error
    except OSError as error:
        raise UpdateError(f"the server does not answer ({_reason(error)})") from error


def _opener(settings: Updates) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:
        raise UpdateError(f"ca_file {settings.ca_file!r} cannot be used ({error})") from error
    handler = urllib.request.HTTPSHandler(context=context)
    return urllib.request.build_opener(_NoRedirect(), handler)


def _announced_bytes(answer: Any, max_bytes: int) -> int | None:
    announced = answer.headers.get("Content-Length", "")
    if not (announced.isascii() and announced.isdigit() and len(announced) < 20):
        return None
    if int(announced) > max_bytes:
        raise UpdateError(f"{announced} bytes are more than max_bytes, {max_bytes}")
    return int(announced)


def _next(answer: Any) -> bytes:
    """Returns the next bytes, empty at the end."""
    try:
        chunk: bytes = answer.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise UpdateError(f"the connection broke off ({_reason(error)})") from error
    return chunk


def _reason(reason: object) -> str:
    if isinstance(reason, str):
        return reason
    if isinstance(reason, TimeoutError):
        return "it takes too long"
    strerror = getattr(reason, "strerror", None) or getattr(reason, "reason", None)
    return str(strerror or type(reason).__name__)
