"""A job for the process that fetches, checks and installs bundles, and what it answers."""

from typing import Literal

import msgspec

from edge.config import Fusion, Updates
from edge.updates.version import MaybeVersion

Step = Literal["fetching", "checking", "starting", "verified", "failed"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle to install, or only to check."""

    state_folder: str
    settings: Updates
    install: bool = True
    """False to check the bundle only."""
    address: str = ""
    """Where to fetch the bundle; empty to read it from `stream`."""
    stream: int = -1
    """A file descriptor; without it and without an address, the bundle in use is checked."""
    version: MaybeVersion = ""
    """The version that it must have, or of the installed one to check; empty for any."""
    sha256: str = ""
    """The hash that it must have; empty for any."""
    attempt: int = 1
    """Number of this attempt at the bundle."""
    wanted: tuple[str, ...] = ()
    """Files that the configuration uses."""
    fusion: Fusion = Fusion()
    """What the configuration expects of the fusion file."""
    allow_older: bool = False


class Progress(msgspec.Struct, frozen=True):
    """A step of a job; `version` is that of the bundle. The last one says how the job ended."""

    step: Step
    version: str = ""
    reason: str = ""
    passing: bool = False
    """True for a failure by no fault of the bundle, which may succeed at another time."""
    files: dict[str, str] = {}
    """sha256 of each file of a bundle that was verified."""
