"""Events that the broker does not have yet: in memory at first, on disk when it stays away."""

import logging
import sqlite3
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.config import SpoolLimits
from edge.publish.store import EventStore
from edge.throttled_log import ThrottledLog

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
        self._log = ThrottledLog(logger)
        self._held: dict[int, _Held] = {}
        self._unwritten: dict[int, bytes] = {}
        self._page: dict[int, bytes] = {}
        self._gone: list[int] = []
        self._gone_since_s = self._tried_s = clock.now_s()
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
            if not self._gone:
                self._gone_since_s = self._clock.now_s()
            self._gone.append(ticket)

    def give_up(self, ticket: int, why: str) -> None:
        """Forgets an event that nobody will have, and says so."""
        self.remove(ticket)
        self.dropped += 1
        self._log.warning(
            "dropped", f"{why}: {self.dropped} events given up so far", self._clock.now_s()
        )

    def oldest(self, apart_from: Container[int] = ()) -> tuple[int, bytes] | None:
        """The ticket and the payload of the oldest event that is not among some tickets.

        None where there is none, or where it cannot be read now.
        """
        self._trim(self._clock.now_s())
        while True:
            ticket = next((one for one in self._held if one not in apart_from), None)
            if ticket is None:
                return None
            if ticket in self._unwritten:
                return ticket, self._unwritten[ticket]
            if ticket not in self._page and not self._read_page(ticket):
                return None
            if ticket in self._page:
                return ticket, self._page[ticket]
            self.give_up(ticket, "an event is missing in the spool")

    def expires_in_s(self, ticket: int) -> float:
        """How long an event is still worth something, in seconds."""
        held = self._held.get(ticket)
        age_s = self._clock.now_s() - held.born_s if held else 0.0
        return max(self._limits.max_age_s - age_s, 0.0)

    def write_if_due(self) -> None:
        """Writes what has waited for long enough."""
        now_s, interval_s = self._clock.now_s(), self._limits.write_interval_s
        since_s = [self._held[next(iter(self._unwritten))].born_s] if self._unwritten else []
        since_s += [self._gone_since_s] if self._gone else []
        since_s += [self._tried_s] if self._store is None and self._file is not None else []
        if since_s and now_s - max(min(since_s), self._tried_s) >= interval_s:
            self.write()

    def write(self) -> None:
        """Writes all that the file does not say yet; what cannot be written stays in memory."""
        self._tried_s = self._clock.now_s()
        if self._store is None:
            self._open()
        if not self._unwritten and not self._gone:
            return
        added = [
            (ticket, self._held[ticket].born_s, one) for ticket, one in self._unwritten.items()
        ]
        if self._succeeds(lambda store: store.write(added, self._gone)):
            self._unwritten.clear()
            self._gone.clear()

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
            contents = store.contents(before_all=self._next_ticket > 1)
        except (OSError, sqlite3.Error) as error:
            self._say_unusable(error)
            return
        self._store, now_s = store, self._clock.now_s()
        taken = {one.ticket: _Held(one.bytes, now_s - one.age_s) for one in contents}
        self._held = taken | self._held
        self._bytes += sum(one.bytes for one in contents)
        self._next_ticket = max(self._next_ticket, max(taken, default=0) + 1)
        if contents:
            logger.info("%d events of an earlier run wait for the broker", len(contents))
        self._trim(now_s)

    def _read_page(self, ticket: int) -> bool:
        """Reads an event and those after it; whether that was possible."""
        self._page.clear()
        return self._succeeds(lambda store: self._page.update(store.read(ticket, PAGE_EVENTS)))

    def _succeeds(self, action: Callable[[EventStore], None]) -> bool:
        """Whether the file could be used; a damaged one is set aside with all it held."""
        store = self._store
        if store is None:
            return False
        try:
            action(store)
        except sqlite3.OperationalError as error:
            self._say_unusable(error)
            return False
        except sqlite3.DatabaseError as error:
            self._store = None
            self._lose_written()
            try:
                self._store = store.begun_anew(error)
            except (OSError, sqlite3.Error) as new_error:
                self._say_unusable(new_error)
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
        self._log.warning(
            "file",
            f"{self._file}: the spool cannot be used ({error}); events wait in memory, and would "
            "be lost with the process: check free space, ownership, and that no other emotiond "
            "has this state folder",
            self._clock.now_s(),
        )

    def _trim(self, now_s: float) -> None:
        """Gives up the oldest until the bounds hold."""
        limits, oldest_s = self._limits, now_s - self._limits.max_age_s
        while self._held:
            ticket, held = next(iter(self._held.items()))
            if len(self._held) > limits.max_events or self._bytes > limits.max_bytes:
                self.give_up(ticket, "the spool is full")
            elif held.born_s < oldest_s:
                self.give_up(ticket, f"events are older than {limits.max_age_s:g} s")
            else:
                return
