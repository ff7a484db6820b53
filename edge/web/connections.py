"""Bounds the connections of a server, so that silent ones shut nobody out."""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.web.settings import Limits

MAX_CONNECTIONS = 256
RESERVED = 32
"""Of these connections, for programs of this machine."""


class Peer(Protocol):
    """One side of a connection."""

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the other side."""


def to_close(newest: Peer, all_of_them: Iterable[Peer]) -> Peer | None:
    """Returns the connection that gives way to the newest one, None while there is room.

    That is the one that has waited for a request for longest; the newest one if none waits.
    """
    peers = list(all_of_them)
    remote = [one for one in peers if not _is_local(one)]
    if not _is_local(newest) and len(remote) > MAX_CONNECTIONS - RESERVED:
        peers = remote
    elif len(peers) <= MAX_CONNECTIONS:
        return None
    waiting = [one for one in peers if isinstance(one, BoundedProtocol) and one is not newest]
    waiting = [one for one in waiting if one.waits_since_s is not None]
    return min(waiting, key=lambda one: one.waits_since_s or 0.0, default=newest)


def _is_local(peer: Peer) -> bool:
    try:
        address = ip_address(peer.client[0] if peer.client else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


class BoundedProtocol(H11Protocol):
    """A connection that is closed if the other side stalls, or for a newer one.

    It stalls if the head of a request takes too long, or if it does not read the answer.
    """

    head_s: float
    """Time from its start, or the last answer, to the end of the next request's head."""
    waits_since_s: float | None = None
    """Since when there is no request, in seconds of the event loop's clock; None during one."""
    unread_s: float
    """Time that the other side may not read what it is sent."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts to wait for a request; closes a connection if there are too many."""
        super().connection_made(transport)
        self._wait()
        others: set[Any] = self.connections  # of WebSockets too, by other classes of uvicorn
        closed = to_close(self, others)
        if isinstance(closed, BoundedProtocol):
            closed.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handles what was received."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._serve()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hands the connection to another protocol."""
        self._serve()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Waits for the next request, which may have arrived already."""
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Waits for the other side to read."""
        super().pause_writing()
        if self.waits_since_s is None:
            self._start_timer(self.unread_s)

    def resume_writing(self) -> None:
        """Goes on, because it has read."""
        super().resume_writing()
        if self.waits_since_s is None:
            self._stop_timer()

    def hang_up(self) -> None:
        """Closes the connection; what it has not been sent is lost."""
        self._stop_timer()
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        self.waits_since_s = self.loop.time()
        self._start_timer(self.head_s)

    def _serve(self) -> None:
        if self.waits_since_s is not None:
            self.waits_since_s = None
            self._stop_timer()

    def _start_timer(self, most_s: float) -> None:
        """Hangs up after this time, unless the other side is still reading an answer."""
        self._stop_timer()
        unsent_bytes = self.transport.get_write_buffer_size()

        def give_up() -> None:
            if self.transport.get_write_buffer_size() < unsent_bytes:
                self._start_timer(most_s)
            else:
                self.hang_up()

        self._timer = self.loop.call_later(most_s, give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol(limits: Limits) -> type[BoundedProtocol]:
    """Returns the protocol of a server with these limits."""

    class Chosen(BoundedProtocol):
        head_s = limits.head_s
        unread_s = limits.stall_s

    return Chosen


class BoundedLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers give up a TLS handshake in time."""

    HANDSHAKE_S = 10.0

    async def create_server(self, *args: Any, **options: Any) -> Any:
        """Creates a server."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = self.HANDSHAKE_S
        return await super().create_server(*args, **options)
