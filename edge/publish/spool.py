"""Events that wait for the broker."""

import threading
from collections import deque

from edge.events import EventMessage


class Spool:
    """Holds at most `limit` events in memory; the oldest give way, and are counted."""

    def __init__(self, limit: int) -> None:
        self._events: deque[EventMessage] = deque(maxlen=limit)
        self._lock = threading.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: EventMessage) -> None:
        """Keeps an event until it is taken."""
        with self._lock:
            self.dropped += len(self._events) == self._events.maxlen
            self._events.append(event)

    def take_all(self) -> list[EventMessage]:
        """Every event, oldest first; the spool is empty afterwards."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events
