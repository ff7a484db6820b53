"""Events that the broker does not have yet: in memory at first, on disk when it stays away."""

import logging
import sqlite3
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.complaints import Complaints
from edge.config import SpoolLimits
from edge.publish.store import EventStore

logger = logging.getLogger(__name__)

PAGE_EVENTS = 64
"""Read from the disk at once."""


@dataclass(frozen=True)
class _Held:
    """What is known of an event wherever its payload is."""

    bytes: int
    born_s: float


class Spool:
    """Holds events, oldest first, until they are removed; bounded by count, bytes and age.

    What was not removed after `write_interval_s` is written, with all that came since: a broker
    that is there costs the disk nothing, one that is away a write an interval. A file that cannot
    be used leaves the events in memory, within the same bounds. Not thread-safe.
    """

    def __init__(self, limits: SpoolLimits, file: Path | None, clock: Clock) -> None:
        self._limits, self._file, self._clock = limits, file, clock
        self._complaints = Complaints(logger)
        self._held: dict[int, _Held] = {}
        self._unwritten: dict[int, bytes] = {}
        self._page: dict[int, bytes] = {}
        self._gone: list[int] = []
        self._work_since_s: float | None = None
        self._bytes = 0
        self._store: EventStore | None = None
        self._next_ticket = 1
        self.dropped = 0
        """Events given up for the bounds since the start."""
        self._open()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def newest(self) -> int:
        """The ticket that was given last."""
        return self._next_ticket - 1

    @property
    def unwritten(self) -> int:
        """Events that a loss of power would lose."""
        return len(self._unwritten)

    def add(self, payload: bytes) -> int:
        """Keeps an event until it is removed by the ticket that this gives."""
        now_s = self._clock.now_s()
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._held[ticket] = _Held(len(payload), now_s)
        self._unwritten[ticket] = payload
        self._bytes += len(payload)
        self._note_work(now_s)
        self._trim(now_s)
        return ticket

    def remove(self, ticket: int) -> None:
        """Forgets an event; one that gave way already is no fault."""
        held = self._held.pop(ticket, None)
        if held is None:
            return
        self._bytes -= held.bytes
        self._page.pop(ticket, None)
        if self._unwritten.pop(ticket, None) is None:
            self._gone.append(ticket)
            self._note_work(self._clock.now_s())
        if not self._unwritten and not self._gone:
            self._work_since_s = None

    def oldest(self, apart_from: Container[int | None] = ()) -> tuple[int, bytes] | None:
        """The ticket and the payload of the oldest event that is not among some tickets."""
        self._trim(self._clock.now_s())
        while True:
            ticket = next((one for one in self._held if one not in apart_from), None)
            if ticket is None:
                return None
            payload = self._unwritten.get(ticket) or self._written(ticket)
            if payload is not None:
                return ticket, payload

    def expires_in_s(self, ticket: int) -> float:
        """How long an event is still worth something, in seconds."""
        held = self._held.get(ticket)
        age_s = self._clock.now_s() - held.born_s if held else 0.0
        return max(self._limits.max_age_s - age_s, 0.0)

    def write_if_due(self) -> None:
        """Writes what has waited for long enough."""
        since_s = self._work_since_s
        if since_s is not None and self._clock.now_s() - since_s >= self._limits.write_interval_s:
            self.write()

    def write(self) -> None:
        """Writes all that the file does not say yet; what cannot be written stays in memory."""
        self._work_since_s = None
        if not self._unwritten and not self._gone:
            return
        if self._store is None:
            self._open()
        added = [
            (ticket, self._held[ticket].born_s, one) for ticket, one in self._unwritten.items()
        ]
        if self._succeeds(lambda store: store.write(added, self._gone)):
            self._unwritten.clear()
            self._gone.clear()
        else:
            self._note_work(self._clock.now_s())

    def close(self) -> None:
        """Writes, and gives the file back."""
        self.write()
        if self._store is not None:
            self._store.close()

    def _open(self) -> None:
        """Takes up the events of a file before those that came since, if it can be used now."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            store = EventStore(self._file, self._clock)
            contents = store.contents(before=min(self._held, default=None))
        except (OSError, sqlite3.Error) as error:
            self._say_unusable(error)
            return
        self._store, now_s = store, self._clock.now_s()
        taken = {one.ticket: _Held(one.bytes, now_s - one.age_s) for one in contents}
        self._held = taken | self._held
        self._bytes += sum(one.bytes for one in contents)
        self._next_ticket = max(self._held, default=0) + 1
        if contents:
            logger.info("%d events of an earlier run wait for the broker", len(contents))
        self._trim(now_s)

    def _written(self, ticket: int) -> bytes | None:
        """The payload of an event on disk; None, and it is given up, where it cannot be read."""
        if ticket not in self._page:
            self._page.clear()
            self._succeeds(lambda store: self._page.update(store.read(ticket, PAGE_EVENTS)))
        if ticket not in self._page and ticket in self._held:
            self.remove(ticket)
            self.dropped += 1
        return self._page.get(ticket)

    def _succeeds(self, action: Callable[[EventStore], None]) -> bool:
        """Whether the file could be used; a damaged one is set aside with all it held."""
        if self._store is None:
            return False
        try:
            action(self._store)
        except sqlite3.OperationalError as error:
            self._say_unusable(error)
            return False
        except sqlite3.DatabaseError as error:
            self._lose_written()
            self._store = self._store.begun_anew(error)
            return False
        return True

    def _lose_written(self) -> None:
        lost = self._held.keys() - self._unwritten.keys()
        for ticket in lost:
            self._bytes -= self._held.pop(ticket).bytes
        self.dropped += len(lost)
        self._gone.clear()
        self._page.clear()

    def _say_unusable(self, error: Exception) -> None:
        self._complaints.complain(
            "file",
            f"{self._file}: the spool cannot be used ({error}); events wait in memory, and would "
            "be lost with the process: check free space, ownership, and that no other emotiond "
            "has this state folder",
            self._clock.now_s(),
        )

    def _trim(self, now_s: float) -> None:
        """Gives up the oldest until the bounds hold."""
        oldest_s = now_s - self._limits.max_age_s
        while self._held:
            ticket, held = next(iter(self._held.items()))
            full = len(self._held) > self._limits.max_events or self._bytes > self._limits.max_bytes
            if not full and held.born_s >= oldest_s:
                return
            self.remove(ticket)
            self.dropped += 1
            why = "full" if full else f"holding events older than {self._limits.max_age_s:g} s"
            self._complaints.complain(
                "dropped", f"the spool is {why}: {self.dropped} events given up so far", now_s
            )

    def _note_work(self, now_s: float) -> None:
        if self._work_since_s is None:
            self._work_since_s = now_s
