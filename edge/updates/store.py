"""The installed bundles of a device, in `models` of its state folder.

`installed.json` alone says which bundle is in use. It is replaced by one rename, after everything
that it names is on the disk, so whatever ends the device leaves either the old or the new models.

The daemon, `emotiond models` and the processes that install change it at the same time. A lock is
held for each change, from reading the record to its rename, and another for a whole installation.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.durable import locked, read_plain, replace, sync
from edge.errors import UpdateError
from edge.updates.record import Failure, Record
from edge.updates.version import order

FOLDER, RECORD = "models", "installed.json"
LOCK, RECORD_LOCK = "lock", "record.lock"
BUNDLES, INCOMING = "bundles", "incoming"
MAX_STARTS = 2
"""Starts within which the daemon must become ready with new models, or the old ones return."""
MAX_RECORD_BYTES = 65_536


class ModelStore:
    """Installed bundles, and the steps from one to the next; each step is atomic.

    Each raises OSError if it cannot be written, and then has changed nothing.
    """

    def __init__(self, state_folder: Path) -> None:
        self.folder = state_folder / FOLDER
        self._file = self.folder / RECORD

    @property
    def record(self) -> Record:
        """What is installed now; raises UpdateError if it is unreadable."""
        try:
            content = read_plain(self._file, MAX_RECORD_BYTES)
            return msgspec.json.decode(content, type=Record)
        except FileNotFoundError:
            return Record()
        except OSError as error:
            raise UpdateError(f"{self._file}: cannot be read ({error.strerror})") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpdateError(f"{self._file}: is damaged; remove it") from error

    def bundle(self, version: str) -> Path:
        """Folder of an installed bundle."""
        return self.folder / BUNDLES / version

    @property
    def incoming(self) -> Path:
        """Folder that a bundle is unpacked into."""
        return self.folder / INCOMING

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps others from installing meanwhile; raises UpdateError if another does, OSError."""
        with contextlib.ExitStack() as stack:
            with self._changing():  # so `start` sees every installation, and stands in no one's way
                try:
                    stack.enter_context(locked(self.folder / LOCK, wait_s=0.0))
                except TimeoutError as error:
                    raise UpdateError("other models are being installed just now") from error
            yield

    def begin(self, version: str, sha256: str, attempt: int = 1) -> None:
        """Notes that a bundle is being installed; raises UpdateError while another is tried."""
        with self._changing() as record:
            if record.candidate:
                raise UpdateError(
                    f"{record.candidate} is being tried just now; wait for its result"
                )
            self._make_room()
            self._write(record, installing=version, sha256=sha256, attempt=attempt)
            self._clean(record)

    def name(self, version: str) -> None:
        """Notes the version of the bundle that is being installed, once it is known."""
        with self._changing() as record:
            self._write(record, installing=version)

    def adopt(self, version: str) -> None:
        """Moves the unpacked bundle to its place; nothing uses it yet."""
        target = self.bundle(version)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        self.incoming.rename(target)
        sync(target.parent)

    def switch(self, version: str) -> None:
        """Puts an adopted bundle to use, on trial."""
        with self._changing() as record:
            self._write(record, candidate=version, starts=0, installing=None, failure=None)

    def start(self) -> Record:
        """Counts a start of the daemon; returns what it is to use. Raises UpdateError, OSError."""
        if not self._file.exists():
            return Record()
        with self._changing() as record:
            if record.installing is not None and not self._is_installing():
                reason = "the installation was interrupted"
                return self._end(record, record.installing, reason, passing=True)
            if record.candidate and record.starts >= MAX_STARTS:
                reason = f"the daemon did not become ready in {MAX_STARTS} starts"
                return self._end(record, record.candidate, reason, passing=True)
            if record.candidate:
                return self._write(record, starts=record.starts + 1)
            return record

    def confirm(self, version: str) -> Record:
        """Keeps a bundle on trial: the daemon is ready with it. Another one stays as it is."""
        with self._changing() as record:
            if not version or record.candidate != version:
                return record
            is_repaired = order(record.current) == order(version)
            kept = self._write(
                record,
                current=version,
                previous=record.previous if is_repaired else record.current,
                candidate="",
                newest=max(record.newest, version, key=order),
            )
            self._clean(kept)
            return kept

    def fail(self, version: str, reason: str, passing: bool = False) -> Record:
        """Ends the installation or trial of a bundle; the one before it stays in use.

        `passing` if it may succeed at another time. Another bundle stays as it is.
        """
        with self._changing() as record:
            if record.installing != version and (not version or record.candidate != version):
                return record
            return self._end(record, version, reason, passing)

    def roll_back(self) -> str:
        """Returns to the bundle before, or else to `models.folder`; returns its version.

        Raises UpdateError if no bundle is in use.
        """
        with self._changing() as record:
            if record.candidate:
                self._end(record, record.candidate, "rolled back by hand", passing=False)
                return record.current
            if record.current:
                self._write(record, current=record.previous, previous="", failure=None)
                return record.previous
            raise UpdateError("no bundle is in use, only the models of models.folder")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Record]:
        """Gives the record, which nobody else changes meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / RECORD_LOCK):
            yield self.record

    def _end(self, record: Record, version: str, reason: str, passing: bool) -> Record:
        failure = Failure.of(record, version, reason, passing)
        self._make_room()
        ended = self._write(record, candidate="", installing=None, failure=failure)
        self._clean(ended)
        return ended

    def _write(self, record: Record, **changes: object) -> Record:
        changed = msgspec.structs.replace(record, **changes)
        replace(self._file, msgspec.json.encode(changed))
        return changed

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

    def _is_installing(self) -> bool:
        try:
            with locked(self.folder / LOCK, wait_s=0.0):
                return False
        except TimeoutError:
            return True
