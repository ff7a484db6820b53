"""The events of a spool on disk, as long as the disk can be used."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from edge.clock import Clock
from edge.publish.store import EventStore, StoredEvent
from edge.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)


class SpoolFile:
    """Passes on what the disk can do, and logs what it cannot.

    If the file turns out to be damaged while it is used, it is replaced, and `replaced` is called
    with the tickets that the new one has, or with None if it could not be replaced now.
    """

    def __init__(
        self, file: Path | None, clock: Clock, replaced: Callable[[set[int] | None], None]
    ) -> None:
        self._file, self._clock, self._replaced = file, clock, replaced
        self._log = ThrottledLog(logger)
        self._store: EventStore | None = None

    @property
    def awaits_disk(self) -> bool:
        """True if there is a file to use, but it could not be opened yet."""
        return self._store is None and self._file is not None

    def open(self, before_all: bool) -> tuple[list[StoredEvent], int] | None:
        """Returns the events in the file, and the number that damage cost; None without a disk.

        With `before_all` they get tickets that come before all from 1 on.
        """
        if self._file is None:
            return None
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            store, contents, damaged = self._stored(EventStore(self._file, self._clock), before_all)
        except (OSError, sqlite3.Error) as error:
            self._warn_unusable(error)
            return None
        self._store = store
        if damaged:
            logger.warning("%s: gave up %d damaged events", self._file, damaged)
        return contents, damaged + store.unreadable

    def use(self, action: Callable[[EventStore], None]) -> bool:
        """Returns whether the file could be used."""
        store = self._store
        if store is None:
            return False
        try:
            action(store)
        except Exception as error:
            if store.is_damaged_by(error):
                self._replace(store, str(error))
            else:
                self._warn_unusable(error)
            return False
        return True

    def close(self) -> None:
        """Closes the file."""
        if self._store is not None:
            self._store.close()

    def _stored(
        self, store: EventStore, before_all: bool
    ) -> tuple[EventStore, list[StoredEvent], int]:
        """Reads what a file holds; one that cannot be read is replaced first."""
        try:
            return store, *store.contents(before_all)
        except Exception as error:
            if not store.is_damaged_by(error):
                store.close()
                raise
            new = store.replaced(str(error))
            return new, *new.contents(before_all)

    def _replace(self, store: EventStore, reason: str) -> None:
        self._store = tickets = None
        try:
            self._store = store.replaced(reason)
            tickets = {one.ticket for one in self._store.contents(before_all=False)[0]}
        except (OSError, sqlite3.Error) as error:
            self._warn_unusable(error)
        self._replaced(tickets)

    def _warn_unusable(self, error: Exception) -> None:
        self._log.warning(
            "file",
            f"{self._file}: the spool cannot be used ({error}); events wait in memory and would be "
            "lost with the process: check free space, ownership, and that no other emotiond uses "
            "this state folder",
            self._clock.now_s(),
        )
