"""Hands each message of a device to every page that follows devices."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from edge.web.device_values import Published
from edge.web.errors import busy
from edge.web.stream import Write

MAX_BEHIND_BYTES = 2_000_000
"""What a page may be behind; then it is disconnected, and starts again with a snapshot."""
KEEP_ALIVE_S = 15.0


class Listener:
    """The messages that one page has not been sent yet."""

    def __init__(self) -> None:
        self._events: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self.behind_bytes = 0
        """Length of these messages."""
        self._is_over = False

    def put(self, event: bytes) -> None:
        """Adds a message; ends the stream if the page is too far behind."""
        if self._is_over:
            return
        self._events.append(event)
        self.behind_bytes += len(event)
        self._changed.set()
        if self.behind_bytes > MAX_BEHIND_BYTES:
            self.end()

    def end(self) -> None:
        """Ends the stream, and forgets what was not sent."""
        self._events.clear()
        self.behind_bytes, self._is_over = 0, True
        self._changed.set()

    async def next(self) -> bytes | None:
        """Waits for the next message; None once the stream is over."""
        while not self._events and not self._is_over:
            self._changed.clear()
            await self._changed.wait()
        return self.take()

    def take(self) -> bytes | None:
        """Returns the next message; None if there is none, or the stream is over."""
        if not self._events:
            return None
        event = self._events.popleft()
        self.behind_bytes -= len(event)
        return event


class Hub:
    """The pages that listen. All methods but `publish` belong to the event loop's thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()

    @property
    def listeners(self) -> int:
        """Number of pages that listen."""
        return len(self._listeners)

    def start(self) -> None:
        """Remembers the running event loop."""
        self._loop = asyncio.get_running_loop()

    def publish(self, message: Published) -> None:
        """Hands a message to all pages; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            event = as_event(message.name.rpartition("/")[2], message)
            self._loop.call_soon_threadsafe(self._hand_out, event)

    def _hand_out(self, event: bytes) -> None:
        for listener in self._listeners:
            listener.put(event)

    def end(self) -> None:
        """Ends all streams, because the server stops."""
        for listener in self._listeners:
            listener.end()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Adds a listener for the length of a `with` block; raises Refusal if all are taken."""
        if len(self._listeners) >= self._most:
            raise busy(f"{self._most} pages follow devices already; close one")
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def forward(self, listener: Listener, first: Iterable[bytes], write: Write) -> None:
        """Writes server-sent events: `first`, then each message, and a comment in quiet times.

        Messages that arrive within `first` are written between its events, so that a page with a
        slow line is not behind when it has them all.
        """
        for part in first:
            await write(part)
            while (newer := listener.take()) is not None:
                await write(newer)
        while True:
            try:
                event = await asyncio.wait_for(listener.next(), KEEP_ALIVE_S)
            except asyncio.TimeoutError:
                event = b": still here\n\n"
            if event is None:
                return
            await write(event)


def as_event(name: str, content: Any) -> bytes:
    """Returns a server-sent event with this name and JSON."""
    return b"event: %s\ndata: %s\n\n" % (
        name.replace("\n", " ").encode(),
        msgspec.json.encode(content),
    )
