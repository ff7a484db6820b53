"""Exceptions that this project raises; each message gives the remedy."""

import traceback
from pathlib import Path


class EmotiondError(Exception):
    """Base of every error that a user can fix; its text is one sentence fit for a terminal."""


class ConfigError(EmotiondError):
    """A configuration file that cannot be used; the text lists all its errors."""


class ModelError(EmotiondError):
    """A model pack that is missing, damaged or does not fit its manifest."""


class UntriedModelError(ModelError):
    """A model that could not be tried in the time or memory that there was: no fault of its own."""


class SourceError(EmotiondError):
    """A camera, microphone or media file that cannot be opened or read."""


class InstallationError(EmotiondError):
    """A part of this program, or a library, that cannot be used whatever is asked of it."""


class PayloadError(EmotiondError):
    """A command received over MQTT that violates the contract."""


class UpdateError(EmotiondError):
    """A bundle of models that is refused, or cannot be fetched or installed."""


class NoTrackError(SourceError):
    """A media file that has no pictures, or no sound, at all."""


class NotFoundError(SourceError):
    """A media file in which nobody can be seen, or heard."""


class TooLongError(SourceError):
    """A sound that is longer than may be read."""


class EndsEarlyError(SourceError):
    """A video or sound that ends before its promised length; all that it has was read."""


class MissingExtraError(SourceError):
    """A file that needs an optional part of the package."""


class Paused(Exception):  # noqa: N818 - not an error
    """A pause interrupted a wait for a device: neither a fault nor the end of a file."""


def describe(error: Exception) -> str:
    """Returns type and place of an unexpected error, without its message, which may quote input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
