"""Events on disk: one SQLite file that survives a power failure."""

import logging
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.clock import SET_S, Clock

logger = logging.getLogger(__name__)

LAYOUT = 2
"""Version of the table, stored in the file's user_version; version 1 has no checksums."""
MAX_TICKET = 2**53
"""A ticket beyond it, on either side, is damaged."""
OF_THE_DISK = ("locked", "unable to open", "disk I/O", "is full", "out of memory", "interrupted")
"""In messages of SQLite that say nothing about the file's content."""
SET_ASIDE = ".damaged"
MAX_ASIDE = 3
"""Files that are kept; the newest replaces the last one, so that they cannot fill the disk."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TABLE = """CREATE TABLE IF NOT EXISTS events (
    ticket INTEGER PRIMARY KEY, boot TEXT, monotonic_s REAL, utc_s REAL, payload BLOB,
    checksum INTEGER
)"""
COLUMNS = ["ticket", "boot", "monotonic_s", "utc_s", "payload", "checksum"]
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


@dataclass(frozen=True)
class _Row:
    """The columns of an event beside its ticket, as they were written."""

    boot: bytes
    monotonic_s: float
    utc_s: float
    payload: bytes

    @property
    def checksum(self) -> int:
        """CRC-32 of all of them."""
        times = struct.pack("<dd", self.monotonic_s, self.utc_s)
        return zlib.crc32(self.payload, zlib.crc32(self.boot, zlib.crc32(times)))

    @property
    def columns(self) -> tuple[str, float, float, bytes, int]:
        """The values to write."""
        return self.boot.decode(), self.monotonic_s, self.utc_s, self.payload, self.checksum


class EventStore:
    """The file of a spool, for one thread of one process.

    A damaged file is set aside and replaced by a new one. If the disk is full or cannot be
    written, every method raises sqlite3.OperationalError and changes nothing; `is_damage` tells
    that from a damage found later.
    """

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._boot = _boot_id()
        try:
            self._connection = _open(file)
        except Exception as error:
            if not is_damage(error, file):
                raise
            _set_aside(file, str(error))
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
            self._connection.execute("UPDATE events SET ticket = ticket - ?", (shift,))
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
            (ticket, *_Row(self._boot, at_s, at_s + offset_s, payload).columns)
            for ticket, at_s, payload in added
        ]
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)", rows
            )
            self._connection.executemany(
                "DELETE FROM events WHERE ticket = ?", [(ticket,) for ticket in removed]
            )

    def replaced(self, reason: str) -> "EventStore":
        """Sets this file aside, logs the reason, and returns a new one."""
        self.close()
        _set_aside(self._file, reason)
        return EventStore(self._file, self._clock)

    def is_damaged_by(self, error: Exception) -> bool:
        """Returns whether an error that a method raised means that the file is damaged."""
        return is_damage(error, self._file)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _rows(self, condition: str, *values: int) -> Iterator[tuple[int, _Row | None]]:
        """Yields the ticket of each event with its row, or with None if that is damaged."""
        for ticket, *columns, checksum in self._connection.execute(f"{ROWS} {condition}", values):
            if ticket is None:
                raise sqlite3.DatabaseError("its table has other keys")
            row = None if None in columns else _Row(*columns)
            is_sound = row is not None and row.checksum == checksum and abs(ticket) <= MAX_TICKET
            yield ticket, row if is_sound else None

    def _age_s(self, row: _Row) -> float:
        """Returns an age by the monotonic clock within a boot, else by the wall clock."""
        now_s = self._clock.now_s()
        if row.boot == self._boot:
            return now_s - row.monotonic_s
        return max(now_s, self._clock.wall_s() - row.utc_s if row.utc_s >= SET_S else 0.0)


def is_damage(error: Exception, file: Path) -> bool:
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
    """Makes the table, or adds checksums to one of layout 1, whose values are taken as they are."""
    with connection:
        connection.execute("BEGIN")
        connection.execute(TABLE)
        if layout == 1:
            connection.execute("ALTER TABLE events ADD COLUMN checksum INTEGER")
            for ticket, *values, _ in connection.execute(ROWS).fetchall():
                if None not in values:
                    connection.execute(
                        "UPDATE events SET checksum = ? WHERE ticket = ?",
                        (_Row(*values).checksum, ticket),
                    )
        connection.execute(f"PRAGMA user_version = {LAYOUT}")


def _set_aside(file: Path, reason: str) -> None:
    names = [
        file.name + SET_ASIDE,
        *(f"{file.name}{SET_ASIDE}.{n}" for n in range(2, MAX_ASIDE + 1)),
    ]
    files = [file.with_name(name) for name in names]
    aside = next((one for one in files if not one.exists()), files[-1])
    logger.warning(
        "%s: the spool is damaged (%s); it is kept as %s and replaced by a new one",
        file,
        reason,
        aside.name,
    )
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    file.replace(aside)


def _boot_id() -> bytes:
    try:
        return BOOT_ID.read_bytes().strip()
    except OSError:
        return b""
