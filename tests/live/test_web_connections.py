"""Connections that send nothing shut nobody out."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.commands.demo.broker import HOST
from edge.web.app import create_app
from edge.web.connections import MAX_CONNECTIONS, RESERVED, BoundedLoop, to_close
from edge.web.device_values import Published
from edge.web.hub import Hub, Listener
from edge.web.serve import server_config
from edge.web.settings import Limits, WebSettings
from tests.support.waiting import wait_until
from tests.support.web import Site, serving, site


@pytest.fixture
def silent() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as held:
        yield held


def hold(silent: contextlib.ExitStack, web: Site, start: bytes = b"") -> socket.socket:
    client = silent.enter_context(socket.create_connection((HOST, web.port), 10))
    client.sendall(start)
    return client


def test_more_silent_connections_than_allowed_do_not_shut_the_server(
    silent: contextlib.ExitStack,
) -> None:
    with site() as web:
        first = hold(silent, web)
        for number in range(MAX_CONNECTIONS + 20):
            hold(silent, web, b"GET / HTTP/1.1\r\nHost: " if number % 2 else b"")
        assert web.get("/api/health").status == 200
        with contextlib.suppress(ConnectionResetError):
            assert first.recv(1) == b""  # the one that waited for longest gave way


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_connection_whose_request_does_not_come_is_closed(
    silent: contextlib.ExitStack, start: bytes
) -> None:
    with site(Limits(head_s=0.2)) as web:
        client = hold(silent, web, start)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_second_request_of_a_connection_has_its_time_as_well(
    silent: contextlib.ExitStack,
) -> None:
    with site(Limits(head_s=1.0)) as web:
        client = hold(silent, web)
        whole = b"HEAD /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(2):
            client.sendall(whole)
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        client.sendall(whole[:30])
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65_536):
                pass


@dataclass(eq=False)
class Busy:
    """A connection in the middle of an answer."""

    client: tuple[str, int] | None


def test_programs_of_this_machine_have_room_whatever_others_hold() -> None:
    remote = [Busy(("192.0.2.1", 1)) for _ in range(MAX_CONNECTIONS - RESERVED)]
    refused = Busy(("192.0.2.2", 1))
    assert to_close(refused, [*remote, refused]) is refused
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        own = Busy((address, 1))
        assert to_close(own, [*remote, own]) is None
    own_ones = [Busy(("127.0.0.1", 1)) for _ in range(RESERVED + 1)]
    assert to_close(own_ones[-1], [*remote, *own_ones]) is own_ones[-1]


def test_a_tls_handshake_that_does_not_come_is_given_up(authority: tuple[object, Path]) -> None:
    class Hasty(BoundedLoop):
        HANDSHAKE_S = 0.2

    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(authority[1] / "server.pem", authority[1] / "server.key")
    loop = Hasty()
    with contextlib.closing(loop), socket.create_server((HOST, 0)) as listener:
        create = loop.create_server(asyncio.Protocol, sock=listener, ssl=secure)
        server = loop.run_until_complete(create)
        client = socket.create_connection(listener.getsockname(), 10)
        with client, contextlib.suppress(ConnectionResetError):
            assert loop.run_until_complete(asyncio.to_thread(client.recv, 1)) == b""
        server.close()


def test_the_server_runs_on_that_loop() -> None:
    config = server_config(create_app(WebSettings()), WebSettings())
    assert config.get_loop_factory() is BoundedLoop


def connect(silent: contextlib.ExitStack, port: int, path: bytes) -> socket.socket:
    """A client whose socket takes little by itself."""
    client = silent.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((HOST, port))
    client.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
    return client


def test_a_listener_that_reads_nothing_is_disconnected(silent: contextlib.ExitStack) -> None:
    with site(Limits(stall_s=0.2)) as web:
        connect(silent, web.port, b"/api/events")
        wait_until(lambda: web.server.hub.listeners == 1)
        for _ in range(100):  # more than what the socket takes, and a page may be behind
            web.server.hub.publish(Published("kiosk", "face/status", "a" * 100_000))
        wait_until(lambda: web.server.hub.listeners == 0)


def test_a_slow_reader_gets_all_of_a_large_answer(silent: contextlib.ExitStack) -> None:
    size = 40_000_000

    async def large(request: Request) -> Response:
        return Response(bytes(size))

    settings = WebSettings(limits=Limits(head_s=0.2, stall_s=0.2))
    with serving(Starlette(routes=[Route("/", large)]), settings) as port:
        client = connect(silent, port, b"/")
        started_s, received = time.monotonic(), 0
        while received < size:
            piece = client.recv(4096)
            assert piece
            received += len(piece)
        assert time.monotonic() - started_s > 0.2


def test_messages_go_between_the_parts_of_a_long_snapshot() -> None:
    written: list[bytes] = []

    async def write(event: bytes) -> None:
        written.append(event)
        if event == b"last":
            listener.end()

    def parts() -> Iterator[bytes]:
        yield b"first"
        for message in (b"one", b"two"):
            listener.put(message)
        yield b"second"
        listener.put(b"three")
        yield b"last"

    listener = Listener()
    asyncio.run(Hub(1).forward(listener, parts(), write))
    assert written == [b"first", b"second", b"one", b"two", b"last"]


def test_a_listener_that_is_too_far_behind_is_ended_and_what_it_missed_forgotten() -> None:
    async def fall_behind() -> None:
        listener = Listener()
        for _ in range(30):
            listener.put(bytes(100_000))
        assert listener.behind_bytes == 0
        assert await listener.next() is None

    asyncio.run(fall_behind())
