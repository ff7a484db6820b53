"""The hand-over between threads that never blocks the one that captures."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class DropOldestQueue(Generic[Item]):
    """A queue of bounded length that drops its oldest item for a new one."""

    def __init__(self, length: int) -> None:
        self._items: deque[Item] = deque(maxlen=length)
        self._changed = threading.Condition()
        self.dropped = 0
        """How many items nobody took in time."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Adds an item without waiting."""
        with self._changed:
            self.dropped += len(self._items) == self._items.maxlen
            self._items.append(item)
            self._changed.notify()

    def take(self, timeout_s: float) -> Item | None:
        """The oldest item, or None when none comes within `timeout_s`."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            return self._items.popleft() if self._items else None
