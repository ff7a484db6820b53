"""Events that the broker does not have yet."""

import logging

from edge.events import EventMessage

logger = logging.getLogger(__name__)

DROPS_PER_LINE = 100
"""A long outage must not fill the log."""


class Spool:
    """Holds at most `limit` events in memory; the oldest give way. Not thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: dict[int, EventMessage] = {}
        self._next_ticket = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: EventMessage) -> int:
        """Keeps an event until it is removed by the ticket that this gives."""
        if len(self._events) == self._limit:
            oldest = self._events.pop(next(iter(self._events)))
            self.dropped += 1
            if self.dropped % DROPS_PER_LINE == 1:
                logger.warning(
                    "spool full: %d events given up, the last of %s", self.dropped, oldest.time
                )
        ticket = self._next_ticket
        self._next_ticket += 1
        self._events[ticket] = event
        return ticket

    def remove(self, ticket: int) -> None:
        """Forgets an event; one that gave way already is no fault."""
        self._events.pop(ticket, None)

    def waiting(self) -> list[tuple[int, EventMessage]]:
        """Every event with its ticket, oldest first."""
        return list(self._events.items())
