"""Texts that a speech recognizer publishes on a topic of its own."""

from typing import Any

import msgspec

from edge.config import TranscriptTopic
from edge.errors import PayloadError


def transcript(payload: bytes, source: TranscriptTopic, max_bytes: int) -> str | None:
    """Returns the text of a message; None if it has none for this device.

    That is if a value is not as `where` wants it, or nothing was recognized. Raises PayloadError,
    which never quotes the message.
    """
    if len(payload) > max_bytes:
        raise PayloadError(f"{len(payload)} bytes are longer than the {max_bytes} allowed")
    if not source.path:
        return _said(payload.decode("utf-8", errors="replace"))
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PayloadError("the message is not JSON, but text.topics gives a path in it") from None
    if any(_at(message, path) != value for path, value in source.where.items()):
        return None
    text = _at(message, source.path)
    if not isinstance(text, str):
        raise PayloadError(f"the message has no text at {source.path!r}")
    return _said(text)


def _said(text: str) -> str | None:
    return text if text.strip() else None


def _at(message: Any, path: str) -> Any:
    """Returns the value at a path, None if there is none."""
    for key in path.split("."):
        if isinstance(message, dict):
            message = message.get(key)
        elif isinstance(message, list) and key.isascii() and key.isdigit() and len(key) < 6:
            message = message[int(key)] if int(key) < len(message) else None
        else:
            return None
    return message
