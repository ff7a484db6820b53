"""Events not yet acknowledged: in memory first, on disk while the broker stays away."""

import contextlib
import logging
import math
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.config import SpoolLimits
from edge.errors import PayloadError
from edge.publish.messages import amended
from edge.publish.spool_file import SpoolFile
from edge.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

MIN_SHIFT_S = 2.0
"""Smaller steps of the clock are left to the network's time."""
PAGE_EVENTS = 64
"""Events read from the disk at a time."""


@dataclass(frozen=True)
class _Entry:
    """Size and age of an event, wherever its payload is."""

    bytes: int
    added_s: float
    offset_s: float | None
    """`Clock.offset_s` by which its payload has its time; None if that was in another boot."""


class Spool:
    """Holds events, oldest first, until they are removed; limited in count, bytes and age.

    Events still here after `write_interval_s` are written, with all that came since: while the
    broker answers, the disk is not touched; while it is away, there is one write per interval. If
    the file cannot be used, events stay in memory, within the same limits. Not thread-safe.
    """

    def __init__(self, limits: SpoolLimits, file: Path | None, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._file = SpoolFile(file, clock, self._keep)
        self._log = ThrottledLog(logger)
        self._entries: dict[int, _Entry] = {}
        self._unwritten: dict[int, bytes] = {}
        self._page: dict[int, bytes] = {}
        self._removed: list[int] = []
        self._removed_since_s = self._tried_s = clock.now_s()
        self._bytes = 0
        self._next_ticket = 1
        self.dropped = 0
        """Events dropped because of the limits, since the start."""
        self._open()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def newest(self) -> int:
        """The newest ticket."""
        return self._next_ticket - 1

    @property
    def unwritten(self) -> int:
        """Events in memory only, which a power failure would lose."""
        return len(self._unwritten)

    def add(self, payload: bytes) -> int:
        """Adds an event; returns the ticket by which it is removed."""
        now_s = self._clock.now_s()
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._entries[ticket] = _Entry(len(payload), now_s, self._clock.offset_s)
        self._unwritten[ticket] = payload
        self._bytes += len(payload)
        self._trim(now_s)
        return ticket

    def remove(self, ticket: int) -> None:
        """Removes an event, if it is still here."""
        entry = self._entries.pop(ticket, None)
        if entry is None:
            return
        self._bytes -= entry.bytes
        self._page.pop(ticket, None)
        if self._unwritten.pop(ticket, None) is None:
            if not self._removed:
                self._removed_since_s = self._clock.now_s()
            self._removed.append(ticket)

    def drop(self, ticket: int, reason: str) -> None:
        """Removes an event that will not be delivered, and logs it."""
        self.remove(ticket)
        self.dropped += 1
        self._log.warning(
            "dropped", f"{reason}: {self.dropped} events dropped so far", self._clock.now_s()
        )

    def oldest(self, excluding: Container[int] = ()) -> tuple[int, bytes] | None:
        """Returns ticket and payload of the oldest event, or None if there is none to read.

        `excluding` are tickets to skip.
        """
        self._trim(self._clock.now_s())
        while True:
            ticket = next((one for one in self._entries if one not in excluding), None)
            if ticket is None:
                return None
            if ticket in self._unwritten:
                return ticket, self._unwritten[ticket]
            if ticket not in self._page and not self._read_page(ticket):
                return None
            if ticket in self._page:
                return ticket, self._page[ticket]
            self.drop(ticket, "an event is missing from the spool")

    def expires_in_s(self, ticket: int) -> float:
        """Returns the remaining lifetime of an event, seconds."""
        entry = self._entries.get(ticket)
        age_s = self._clock.now_s() - entry.added_s if entry else 0.0
        return max(self._limits.max_age_s - age_s, 0.0)

    def shift_s(self, ticket: int) -> float:
        """Returns what the time in an event is to be moved by, since the clock was set after it."""
        entry = self._entries.get(ticket)
        if entry is None or entry.offset_s is None or not self._clock.is_set:
            return 0.0
        shift_s = self._clock.offset_s - entry.offset_s
        return shift_s if abs(shift_s) >= MIN_SHIFT_S else 0.0

    @property
    def due_in_s(self) -> float:
        """Time until the next write, seconds; 0 if it is due, infinite if nothing is to be done."""
        since_s = [self._entries[next(iter(self._unwritten))].added_s] if self._unwritten else []
        since_s += [self._removed_since_s] if self._removed else []
        since_s += [self._tried_s] if self._file.awaits_disk else []
        if not since_s:
            return math.inf
        due_s = max(min(since_s), self._tried_s) + self._limits.write_interval_s
        return max(due_s - self._clock.now_s(), 0.0)

    def write_if_due(self) -> None:
        """Writes if the write interval is over."""
        if not self.due_in_s:
            self.write()

    def write(self) -> None:
        """Writes all changes to the file; what cannot be written stays in memory."""
        self._tried_s = self._clock.now_s()
        if self._file.awaits_disk:
            self._open()
        if not self._unwritten and not self._removed:
            return
        for ticket in self._unwritten:
            self._correct(ticket)
        added = [
            (ticket, self._entries[ticket].added_s, one) for ticket, one in self._unwritten.items()
        ]
        if self._file.use(lambda store: store.write(added, self._removed)):
            self._unwritten.clear()
            self._removed.clear()

    def _correct(self, ticket: int) -> None:
        """Moves the time in an event before the next boot makes that impossible."""
        if shift_s := self.shift_s(ticket):
            with contextlib.suppress(PayloadError):  # it is given up when it is sent
                payload = amended(self._unwritten[ticket], shift_s=shift_s)
                self._unwritten[ticket] = payload
                entry = self._entries[ticket]
                self._entries[ticket] = _Entry(len(payload), entry.added_s, self._clock.offset_s)
                self._bytes += len(payload) - entry.bytes

    def close(self) -> None:
        """Writes all changes and closes the file."""
        self.write()
        self._file.close()

    def _open(self) -> None:
        """Opens the file if it can be used now, and puts its events before the newer ones."""
        opened = self._file.open(before_all=self._next_ticket > 1)
        if opened is None:
            return
        (contents, damaged), now_s = opened, self._clock.now_s()
        stored = {
            one.ticket: _Entry(one.bytes, now_s - one.age_s, one.offset_s) for one in contents
        }
        self._entries = stored | self._entries
        self._bytes += sum(one.bytes for one in contents)
        self._next_ticket = max(self._next_ticket, max(stored, default=0) + 1)
        self.dropped += damaged
        if contents:
            logger.info("%d events of an earlier run wait for the broker", len(contents))
        self._trim(now_s)

    def _read_page(self, ticket: int) -> bool:
        """Reads an event and those after it; returns whether that was possible."""
        self._page.clear()
        return self._file.use(lambda store: self._page.update(store.read(ticket, PAGE_EVENTS)))

    def _keep(self, restored: set[int] | None) -> None:
        """Forgets the written events that a new file lacks; those that it has still wait.

        Without a new file (None), the damaged one still holds them for later.
        """
        lost = self._entries.keys() - self._unwritten.keys() - (restored or set())
        for ticket in lost:
            self._bytes -= self._entries.pop(ticket).bytes
        self.dropped += len(lost) if restored is not None else 0
        self._removed = sorted((restored or set()) - self._entries.keys())
        self._page.clear()

    def _trim(self, now_s: float) -> None:
        """Drops the oldest events until the limits hold."""
        limits, oldest_s = self._limits, now_s - self._limits.max_age_s
        while self._entries:
            ticket, entry = next(iter(self._entries.items()))
            if len(self._entries) > limits.max_events or self._bytes > limits.max_bytes:
                self.drop(ticket, "the spool is full")
            elif entry.added_s < oldest_s:
                self.drop(ticket, f"events are older than {limits.max_age_s:g} s")
            else:
                return
