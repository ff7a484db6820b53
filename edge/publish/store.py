"""Events on disk: one SQLite file that survives a power failure."""

import logging
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock

logger = logging.getLogger(__name__)

LAYOUT = 1
"""Version of the table, stored in the file's user_version."""
SET_ASIDE = ".damaged"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CLOCK_SET_S = 1_704_067_200.0
"""2024-01-01 UTC; an earlier time means that the device's clock is not set yet."""
TABLE = """CREATE TABLE IF NOT EXISTS events (
    ticket INTEGER PRIMARY KEY, boot TEXT, monotonic_s REAL, utc_s REAL, payload BLOB
)"""


@dataclass(frozen=True)
class StoredEvent:
    """An event in the file."""

    ticket: int
    bytes: int
    age_s: float


class EventStore:
    """The file of a spool, for one thread of one process.

    A damaged file is set aside and replaced by a new one. If the disk is full or cannot be
    written, every method raises sqlite3.OperationalError and changes nothing.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._boot = _boot_id()
        try:
            self._connection = _open(file)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _set_aside(file, error)
            self._connection = _open(file)

    def contents(self, before_all: bool) -> list[StoredEvent]:
        """Returns the events in the file, oldest first.

        With `before_all` they are renumbered to come before all tickets from 1 on.
        """
        if before_all:
            with self._connection:
                (last,) = self._connection.execute("SELECT max(ticket) FROM events").fetchone()
                self._connection.execute(
                    "UPDATE events SET ticket = ticket - ?", (max(last or 0, 0),)
                )
        rows = self._connection.execute(
            "SELECT ticket, length(payload), boot, monotonic_s, utc_s FROM events ORDER BY ticket"
        )
        return [StoredEvent(ticket, size, self._age_s(*born)) for ticket, size, *born in rows]

    def read(self, first_ticket: int, count: int) -> dict[int, bytes]:
        """Returns the payloads of up to `count` events from a ticket on."""
        rows = self._connection.execute(
            "SELECT ticket, payload FROM events WHERE ticket >= ? ORDER BY ticket LIMIT ?",
            (first_ticket, count),
        )
        return dict(rows)

    def write(self, added: Iterable[tuple[int, float, bytes]], removed: Sequence[int]) -> None:
        """Adds events (ticket, time of the monotonic clock, payload) and removes others.

        One transaction, on the disk when this returns.
        """
        offset_s = time.time() - self._clock.now_s()
        rows = [(ticket, self._boot, at_s, at_s + offset_s, what) for ticket, at_s, what in added]
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", rows
            )
            self._connection.executemany(
                "DELETE FROM events WHERE ticket = ?", [(ticket,) for ticket in removed]
            )

    def replaced(self, error: sqlite3.DatabaseError) -> "EventStore":
        """Sets this file aside because of an error, and returns a new one."""
        self.close()
        _set_aside(self._file, error)
        return EventStore(self._file, self._clock)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _age_s(self, boot: str, monotonic_s: float, utc_s: float) -> float:
        """Returns an age by the monotonic clock within a boot, else by the wall clock."""
        now_s = self._clock.now_s()
        if boot == self._boot:
            return now_s - monotonic_s
        return max(now_s, time.time() - utc_s if utc_s >= CLOCK_SET_S else 0.0)


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if layout not in (0, LAYOUT):
            raise sqlite3.DatabaseError(f"layout {layout} is that of another version")
        if layout != LAYOUT:
            connection.execute(TABLE)
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_aside(file: Path, error: sqlite3.DatabaseError) -> None:
    aside = file.with_name(file.name + SET_ASIDE)
    logger.warning(
        "%s: the spool is damaged (%s); it is kept as %s and replaced by a new one",
        file,
        error,
        aside.name,
    )
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    file.replace(aside)


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
