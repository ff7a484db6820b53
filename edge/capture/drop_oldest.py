"""A queue between threads that never blocks the capturing one."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class DropOldestQueue(Generic[Item]):
    """A bounded queue that drops its oldest item to make room for a new one."""

    def __init__(self, length: int) -> None:
        self._items: deque[Item] = deque(maxlen=length)
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0
        """Number of items that were not taken in time."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Adds an item without waiting."""
        with self._changed:
            self.dropped += len(self._items) == self._items.maxlen
            self._items.append(item)
            self._changed.notify()

    def take(self, timeout_s: float) -> Item | None:
        """Removes and returns the oldest item; None if none arrives in time, or once closed."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout_s)
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Lets nobody wait any more; what is in the queue can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
