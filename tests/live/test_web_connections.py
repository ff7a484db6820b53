"""Connections that send nothing shut nobody out."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.commands.demo.broker import HOST
from edge.web.app import create_app
from edge.web.connections import MAX_CONNECTIONS, RESERVED, BoundedLoop, to_close
from edge.web.serve import server_config
from edge.web.settings import Limits, WebSettings
from tests.support.web import Site, site


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
