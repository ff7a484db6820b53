"""Events on disk: one SQLite file that survives a power failure."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.clock import SET_S, Clock
from edge.publish import salvage
from edge.publish.rows import COLUMNS, LAYOUT, PUT, TABLE, Row
from edge.publish.write_ahead_log import is_damaged, log_of

OF_THE_DISK = ("locked", "unable to open", "disk I/O", "is full", "out of memory", "interrupted")
"""In messages of SQLite that say nothing about the file's content."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ROWS = """SELECT ticket, CAST(boot AS BLOB), CAST(monotonic_s AS REAL), CAST(utc_s AS REAL),
    CAST(payload AS BLOB), CAST(checksum AS INTEGER) FROM events"""
"""A flipped bit can change a value's type, or make a text undecodable: read as they should be."""


@dataclass(frozen=True)
class StoredEvent:
    """An event in the file."""

    ticket: int
    bytes: int
    age_s: float
    offset_s: float | None
    """`Clock.offset_s` by which its payload has its time; None if that was in another boot."""


class EventStore:
    """The file of a spool, for one thread of one process.

    A damaged file is set aside and replaced by a new one with what can still be read. If the disk
    is full or cannot be written, every method raises OSError or sqlite3.OperationalError and
    changes nothing; `is_damaged_by` distinguishes that from damage found later. Only the process
    that holds the lock of the state folder may open it.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._boot = _boot_id()
        self.unreadable = 0
        """Events of a damaged file that the new one lacks."""
        salvage.finish(file)
        try:
            if file.exists() and is_damaged(log_of(file)):
                raise sqlite3.DatabaseError("its write-ahead log is damaged")
            self._connection = _open(file)
        except Exception as error:
            if not _is_damage(error, file):
                raise
            self.unreadable = salvage.replace(file, str(error))
            self._connection = _open(file)

    def contents(self, before_all: bool) -> tuple[list[StoredEvent], int]:
        """Returns the events in the file, oldest first, and how many damaged ones it removed.

        With `before_all` they are renumbered to come before all tickets from 1 on.
        """
        events, damaged = [], []
        for ticket, row in self._rows("ORDER BY ticket"):
            if row is not None:
                offset_s = row.utc_s - row.monotonic_s if row.boot == self._boot else None
                size = len(row.payload)
                events.append(StoredEvent(ticket, size, self._age_s(row), offset_s))
            else:
                damaged.append((ticket,))
        with self._connection:
            self._connection.executemany("DELETE FROM events WHERE ticket = ?", damaged)
            shift = max(events[-1].ticket, 0) if before_all and events else 0
            if shift:
                self._renumber(shift)
        # Later, salvaging must not find events under the tickets that they had before.
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk can still be read
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return [replace(one, ticket=one.ticket - shift) for one in events], len(damaged)

    def read(self, first_ticket: int, count: int) -> dict[int, bytes]:
        """Returns the payloads of up to `count` events from a ticket on, without damaged ones."""
        rows = self._rows("WHERE ticket >= ? ORDER BY ticket LIMIT ?", first_ticket, count)
        return {ticket: row.payload for ticket, row in rows if row is not None}

    def write(self, added: Iterable[tuple[int, float, bytes]], removed: Sequence[int]) -> None:
        """Adds events (ticket, time of the monotonic clock, payload) and removes others.

        One transaction, on the disk when this returns.
        """
        offset_s = self._clock.offset_s
        rows = [
            Row(ticket, self._boot, at_s, at_s + offset_s, payload).columns
            for ticket, at_s, payload in added
        ]
        with self._connection:
            self._connection.executemany(PUT, rows)
            self._connection.executemany(
                "DELETE FROM events WHERE ticket = ?", [(ticket,) for ticket in removed]
            )

    def replaced(self, reason: str) -> "EventStore":
        """Sets this file aside, logs the reason, and returns a new one with what can be read."""
        self.close()
        unreadable = salvage.replace(self._file, reason)
        new = EventStore(self._file, self._clock)
        new.unreadable += unreadable
        return new

    def is_damaged_by(self, error: Exception) -> bool:
        """Returns whether an error that a method raised means that the file is damaged."""
        return _is_damage(error, self._file)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _rows(self, condition: str, *values: int) -> Iterator[tuple[int, Row | None]]:
        """Yields the ticket of each event with its row, or with None if that is damaged."""
        for ticket, *columns, checksum in self._connection.execute(f"{ROWS} {condition}", values):
            if ticket is None:
                raise sqlite3.DatabaseError("its table has other keys")
            row = None if None in columns else Row(ticket, *columns)
            yield ticket, row if row is not None and row.is_sound(checksum) else None

    def _renumber(self, shift: int) -> None:
        """Lowers all tickets, of which the checksums are made."""
        rows = [replace(row, ticket=row.ticket - shift) for _, row in self._rows("") if row]
        self._connection.execute("DELETE FROM events")
        self._connection.executemany(PUT, [one.columns for one in rows])

    def _age_s(self, row: Row) -> float:
        """Returns an age by the monotonic clock within a boot, else by the wall clock."""
        now_s = self._clock.now_s()
        if row.boot == self._boot:
            return now_s - row.monotonic_s
        return max(now_s, self._clock.wall_s() - row.utc_s if row.utc_s >= SET_S else 0.0)


def _is_damage(error: Exception, file: Path) -> bool:
    """Returns whether an error of the file comes from its content, and not from disk or rights."""
    if isinstance(error, OSError | MemoryError):
        return False
    if not isinstance(error, sqlite3.OperationalError):
        return True  # even SQLite's message may quote a damaged name that Python cannot decode
    text = str(error)  # Python 3.10 knows no codes
    if "readonly" in text:
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    return not any(cause in text for cause in OF_THE_DISK)


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # salvaging must not find delivered events
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if layout not in range(LAYOUT + 1):
            raise sqlite3.DatabaseError(f"layout {layout} is that of another version")
        if layout != LAYOUT:
            _upgrade(connection, layout)
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(events)")]
        if names != COLUMNS:
            raise sqlite3.DatabaseError("its table has other columns")
    except Exception:
        connection.close()
        raise
    return connection


def _upgrade(connection: sqlite3.Connection, layout: int) -> None:
    """Makes the table, or takes the rows of an earlier layout as they are."""
    with connection:
        connection.execute("BEGIN")
        connection.execute(TABLE)
        if layout == 1:
            connection.execute("ALTER TABLE events ADD COLUMN checksum INTEGER")
        for *values, _ in connection.execute(ROWS).fetchall():
            if None not in values:
                connection.execute(PUT, Row(*values).columns)
        connection.execute(f"PRAGMA user_version = {LAYOUT}")


def _boot_id() -> bytes:
    try:
        return BOOT_ID.read_bytes().strip()
    except OSError:
        return b""
