"""Hands each message of a device to every page that follows devices."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from edge.web.devices import Published
from edge.web.errors import busy
from edge.web.stream import Write

QUEUE = 5000
"""Messages that a page may be behind; then it is disconnected, and starts again with a snapshot."""
KEEP_ALIVE_S = 15.0


class Hub:
    """The pages that listen. All methods but `publish` belong to the event loop's thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[bytes | None]] = set()

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
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    def end(self) -> None:
        """Ends all streams, because the server stops."""
        for queue in list(self._listeners):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[bytes | None]]:
        """Adds a listener for the length of a `with` block; raises Refusal if all are taken."""
        if len(self._listeners) >= self._most:
            raise busy(f"{self._most} pages follow devices already; close one")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def forward(self, queue: asyncio.Queue[bytes | None], first: bytes, write: Write) -> None:
        """Writes server-sent events: `first`, then each message, and a comment in quiet times."""
        await write(first)
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
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
