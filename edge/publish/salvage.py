"""Replaces a damaged spool by a new one with every event that can still be read.

The events in a damaged page are looked for in its older versions too, in the write-ahead log. What
was delivered is older than the first event of the table, as far as that can be found; if it cannot,
events of the last minutes may be delivered again. Events that fill more than a page are given up.

A power failure at any moment changes nothing, or leaves a complete new file under the name of
NEW, which `finish` puts in its place at the next start.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.durable import sync
from edge.publish.pages import Cell, DamagedError, Pages, cells
from edge.publish.rows import LAYOUT, PUT, TABLE, Row
from edge.publish.write_ahead_log import log_of

logger = logging.getLogger(__name__)

UNFINISHED, NEW = ".unfinished", ".new"
SET_ASIDE = ".damaged"
MAX_ASIDE = 3
"""Files that are kept; the newest replaces the last one, so that they cannot fill the disk."""


def replace(file: Path, reason: str) -> int:
    """Sets a damaged file aside, logs it, and returns how many of its events could not be read.

    Raises OSError or sqlite3.OperationalError, and changes nothing, if the disk is full or cannot
    be written.
    """
    unfinished = file.with_name(file.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # it is of no use before it is complete
        with connection:
            connection.execute(TABLE)
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
            connection.executemany(PUT, (row.columns for row in rows(file)))
        summary = "SELECT COUNT(*), COALESCE(MAX(ticket) - MIN(ticket) + 1, 0) FROM events"
        count, span = connection.execute(summary).fetchone()
    sync(unfinished)
    unfinished.replace(file.with_name(file.name + NEW))
    sync(file.parent)
    logger.warning(
        "%s: the spool is damaged (%s); it is kept as %s and replaced by a new one, with the %d "
        "events that could be read; %d between them could not",
        file,
        reason,
        finish(file),
        count,
        span - count,
    )
    return int(span - count)


def finish(file: Path) -> str:
    """Puts a new file in its place, if there is one; returns the name of the damaged one."""
    new = file.with_name(file.name + NEW)
    if not new.exists():
        return ""
    names = [
        file.name + SET_ASIDE,
        *(f"{file.name}{SET_ASIDE}.{n}" for n in range(2, MAX_ASIDE + 1)),
    ]
    files = [file.with_name(name) for name in names]
    aside = next((one for one in files if not one.exists()), files[-1])
    for one, other in ((file, aside), (log_of(file), log_of(aside))):
        if one.exists():
            one.replace(other)
        else:
            other.unlink(missing_ok=True)
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
    sync(file.parent)  # the old log must never meet the new file
    new.replace(file)
    sync(file.parent)
    return aside.name


def rows(file: Path) -> Iterator[Row]:
    """Yields the sound rows of a damaged file, in any order, some several times."""
    pages = Pages(file)
    try:
        first = pages.first_key()
    except DamagedError:
        first = -(2**63)
    if first is None:
        return
    for page in pages:
        for cell in cells(page):
            row = _sound_row(cell)
            if row is not None and row.ticket >= first:
                yield row


def _sound_row(cell: Cell) -> Row | None:
    if len(cell.values) != 6:
        return None
    _, boot, monotonic_s, utc_s, payload, checksum = cell.values
    if not (isinstance(boot, bytes) and isinstance(payload, bytes)):
        return None
    if not (isinstance(monotonic_s, int | float) and isinstance(utc_s, int | float)):
        return None
    row = Row(cell.key, boot, float(monotonic_s), float(utc_s), payload)
    return row if row.is_sound(checksum) else None
