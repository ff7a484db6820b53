import io
import re
import socket
import struct
import threading

import pytest

from edge.addresses import address_fault
from edge.config import Updates
from edge.errors import UpdateError
from edge.updates.fetch import fetch
from tests.support.servers import Answer, FileServer


def test_a_file_is_fetched_whole(server: FileServer) -> None:
    server.answers["/a"] = Answer(b"a" * 100_000)
    stream = io.BytesIO()
    fetch(f"{server.address}/a", stream, Updates())
    assert stream.getvalue() == b"a" * 100_000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"half", announced_bytes=8), "the download ended after 4 of 8 bytes"),
        (Answer(b"a" * 3000), "3000 bytes are more than max_bytes, 2000"),
        (Answer(b"a" * 3000, announced_bytes=-1), "longer than max_bytes, 2000"),
        (Answer(status=404), "the server answers 404"),
        (
            Answer(status=302, headers={"Location": "https://example.org/a"}),
            "redirects to example.org, which is not followed",
        ),
        (Answer(status=301, headers={"Location": "file:///etc/passwd"}), "the server answers 301"),
    ],
)
def test_what_is_not_the_whole_file_is_refused(
    server: FileServer, answer: Answer, reason: str
) -> None:
    server.answers["/b"] = answer
    with pytest.raises(UpdateError, match=reason):
        fetch(f"{server.address}/b", io.BytesIO(), Updates(max_bytes=2000))


def test_a_redirect_within_the_server_is_not_followed_either(server: FileServer) -> None:
    server.answers["/c"] = Answer(status=307, headers={"Location": "/a"})
    server.asked.clear()
    with pytest.raises(UpdateError, match="which is not followed"):
        fetch(f"{server.address}/c", io.BytesIO(), Updates())
    assert server.asked == ["/c"]


def test_a_server_that_is_away_is_named_as_such() -> None:
    with pytest.raises(UpdateError, match="the server cannot be reached"):
        fetch("http://127.0.0.1:1/a", io.BytesIO(), Updates())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "the server closes the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the server does not speak HTTP"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n", "the server does not speak HTTP"),
        (None, "the server does not answer (Connection reset by peer)"),
    ],
)
def test_a_fault_of_the_network_is_not_called_one_of_the_disk(
    answer: bytes | None, reason: str
) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            if answer is None:  # closing sends a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(answer or b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        with pytest.raises(UpdateError) as raised:
            fetch(address, io.BytesIO(), Updates(timeout_s=5))
        thread.join()
    assert str(raised.value).startswith(reason)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://models.example.org/kiosk", ""),
        ("http://localhost:8000", ""),
        ("http://[::1]:8000/models/", ""),
        ("http://models.example.org", "must start with https://, or insecure_http"),
        ("http://127.0.0.1.example.org", "must start with https://, or insecure_http"),
        ("ftp://example.org", "must start with https:// and name a server"),
        ("file:///etc", "must start with https:// and name a server"),
        ("https://me:secret@example.org", "must not have a user name or password"),
        ("https://example.org/?a=1", r"must not have a \? or #"),
        ("https://exämple.org", "must have only printable ASCII"),
        ("https://[::1", "not an address"),
        ("https://example.org:99999", "not an address"),
    ],
)
def test_only_https_and_this_machine_are_sources(address: str, reason: str) -> None:
    fault = address_fault(address, allow_http=False)
    assert re.search(reason, fault) if reason else not fault


def test_http_to_another_machine_may_be_allowed() -> None:
    assert address_fault("http://models.example.org", allow_http=True) == ""
