"""The exceptions this project raises itself; each message says what to do about it."""

import traceback
from pathlib import Path


class EmotiondError(Exception):
    """Base of every error that a user can mend: its text is one sentence fit for a terminal."""


class ConfigError(EmotiondError):
    """A configuration file that cannot be used; the text lists every fault in it."""


class ModelError(EmotiondError):
    """A model pack that is missing, damaged or does not fit its manifest."""


class SourceError(EmotiondError):
    """A camera, microphone or media file that cannot be opened or read."""


class PayloadError(EmotiondError):
    """A command received over MQTT that is not what the contract promises."""


class MissingExtraError(SourceError):
    """A file that only an optional part of the package can read."""


class Paused(Exception):  # noqa: N818 - no error
    """A pause cut short what waited for a device: no fault, and no end of a file."""


def describe(error: Exception) -> str:
    """Type and place of an unforeseen error, without its message, which may quote an input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
