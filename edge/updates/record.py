"""The record of the installed bundles of a device."""

import msgspec

from edge.updates.version import MaybeVersion

RETRY_S = (60.0, 600.0, 3600.0, 21_600.0)
"""Waits between the attempts at a bundle that fails by no fault of its own."""
MAX_ATTEMPTS = len(RETRY_S) + 1


class Record(msgspec.Struct, frozen=True):
    """The content of `installed.json`; an empty version stands for `models.folder` alone."""

    current: MaybeVersion = ""
    previous: MaybeVersion = ""
    """The bundle before, which `roll_back` returns to."""
    candidate: MaybeVersion = ""
    """A bundle that is in use until the daemon is ready with it, or is not."""
    starts: int = 0
    """Starts of the daemon with the candidate."""
    newest: MaybeVersion = ""
    """The newest that was ever in use: nothing older comes back over the air."""
    installing: str | None = None
    """The version that is being fetched or checked, empty if it is not known yet."""
    sha256: str = ""
    """Hash of the last bundle that was asked for; empty for one that was installed by hand."""
    attempt: int = 1
    """Number of the last attempt at it in a row, from 1."""
    failure: "Failure | None" = None

    @property
    def in_use(self) -> str:
        """The version that the daemon is to use."""
        return self.candidate or self.current

    def without_candidate(self, failure: "Failure") -> "Record":
        """Returns the record after the candidate failed."""
        return msgspec.structs.replace(self, candidate="", failure=failure)


class Failure(msgspec.Struct, frozen=True):
    """The last bundle that was not installed, and why."""

    version: str
    reason: str
    sha256: str = ""
    """Hash of the bundle; empty if it is not known, and so cannot be fetched again."""
    passing: bool = False
    """True if it may succeed at another time; false if trying it again is useless."""
    attempt: int = 1

    @property
    def retry_s(self) -> float | None:
        """Time until it is to be tried again; None if it is not."""
        if not (self.passing and self.sha256 and 1 <= self.attempt < MAX_ATTEMPTS):
            return None
        return RETRY_S[self.attempt - 1]

    @classmethod
    def of(cls, record: Record, version: str, reason: str, passing: bool) -> "Failure":
        """Returns the failure of the last bundle that was asked for.

        What fails in each of `MAX_ATTEMPTS` trials, which interrupt the daemon, does not pass.
        """
        if version == record.candidate and record.attempt >= MAX_ATTEMPTS:
            passing = False
        return cls(version, reason, record.sha256, passing, record.attempt)
