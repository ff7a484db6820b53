"""The installed bundles of a device, in `models` of its state folder.

`installed.json` alone says which bundle is in use. It is replaced by one rename, after everything
that it names is on the disk, so whatever ends the device leaves either the old or the new models.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.errors import UpdateError
from edge.updates.durable import replace, sync
from edge.updates.version import MaybeVersion, order

FOLDER, RECORD, LOCK = "models", "installed.json", "lock"
BUNDLES, INCOMING = "bundles", "incoming"
MAX_STARTS = 2
"""Starts within which the daemon must become ready with new models, or the old ones return."""


class Failure(msgspec.Struct, frozen=True):
    """The last bundle that was not installed, and why."""

    version: str
    reason: str
    sha256: str = ""
    """Hash of the bundle if it is its own fault, so that trying it again is useless."""


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
    """Hash of the last bundle that was asked for."""
    failure: Failure | None = None

    @property
    def in_use(self) -> str:
        """The version that the daemon uses."""
        return self.candidate or self.current


def sentence(error: Exception) -> str:
    """Returns the reason of a failure as a sentence."""
    if isinstance(error, OSError):
        return f"the state folder cannot be written ({error.strerror or type(error).__name__})"
    return str(error)


class ModelStore:
    """Installed bundles, and the steps from one to the next; each step is atomic."""

    def __init__(self, state_folder: Path) -> None:
        self.folder = state_folder / FOLDER
        self._file = self.folder / RECORD

    @property
    def record(self) -> Record:
        """What is installed now; raises UpdateError if it is unreadable."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Record)
        except FileNotFoundError:
            return Record()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpdateError(f"{self._file}: cannot be read; remove it") from error

    def bundle(self, version: str) -> Path:
        """Folder of an installed bundle."""
        return self.folder / BUNDLES / version

    @property
    def in_use(self) -> Path | None:
        """Folder of the bundle in use; None if there is none, or it is not known."""
        try:
            version = self.record.in_use
        except UpdateError:
            return None
        return self.bundle(version) if version else None

    @property
    def incoming(self) -> Path:
        """Folder that a bundle is unpacked into."""
        return self.folder / INCOMING

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps others from installing meanwhile; raises UpdateError if another does, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UpdateError("other models are being installed just now") from error
            yield

    def begin(self, version: str, sha256: str) -> None:
        """Notes that a bundle is being installed; raises UpdateError while another is tried."""
        record = self.record
        if record.candidate:
            raise UpdateError(f"{record.candidate} is being tried just now; wait for its result")
        self._make_room()
        self._change(installing=version, sha256=sha256)
        self._clean(record)

    def adopt(self, version: str) -> None:
        """Moves the unpacked bundle to its place; nothing uses it yet."""
        target = self.bundle(version)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        self.incoming.rename(target)
        sync(target.parent)

    def switch(self, version: str) -> None:
        """Puts an adopted bundle to use, on trial."""
        self._change(candidate=version, starts=0, installing=None, failure=None)

    def start(self) -> Record:
        """Counts a start of the daemon; returns what it is to use. Raises UpdateError, OSError."""
        record = self.record
        if record.installing is not None and not self._is_locked():
            self.fail(record.installing, "the installation was interrupted", final=False)
        elif record.candidate and record.starts >= MAX_STARTS:
            self.fail(record.candidate, f"the daemon did not become ready in {MAX_STARTS} starts")
        elif record.candidate:
            self._change(starts=record.starts + 1)
        return self.record

    def confirm(self, version: str) -> None:
        """Keeps a bundle on trial: the daemon is ready with it. Another one stays as it is."""
        record = self.record
        if not version or record.candidate != version:
            return
        newest = max(record.newest, record.candidate, key=order)
        self._change(current=record.candidate, previous=record.current, candidate="", newest=newest)
        self._clean(self.record)

    def fail(self, version: str, reason: str, final: bool = True) -> None:
        """Ends an installation or trial; the bundle before it stays in use.

        `final` if trying the same bundle again is useless.
        """
        sha256 = self.record.sha256 if final else ""
        self._make_room()
        self._change(candidate="", installing=None, failure=Failure(version, reason, sha256))
        self._clean(self.record)

    def roll_back(self) -> str:
        """Returns to the bundle before, or else to `models.folder`; returns its version.

        Raises UpdateError if no bundle is in use.
        """
        record = self.record
        if record.candidate:
            self.fail(record.candidate, "rolled back by hand")
        elif record.current:
            self._change(current=record.previous, previous="", failure=None)
        else:
            raise UpdateError("no bundle is in use, only the models of models.folder")
        return self.record.current

    def _change(self, **changes: object) -> None:
        record = msgspec.structs.replace(self.record, **changes)
        replace(self._file, msgspec.json.encode(record))

    def _make_room(self) -> None:
        """Removes what is half unpacked: it may be what fills the disk, and keeps it unwritable."""
        shutil.rmtree(self.incoming, ignore_errors=True)

    def _clean(self, record: Record) -> None:
        """Removes the bundles that the record does not name."""
        used = {record.current, record.previous, record.candidate}
        with contextlib.suppress(FileNotFoundError):
            for folder in (self.folder / BUNDLES).iterdir():
                if folder.name not in used:
                    shutil.rmtree(folder, ignore_errors=True)

    def _is_locked(self) -> bool:
        try:
            with self.locked():
                return False
        except UpdateError:
            return True
