import socket

import pytest

from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.refusal import password_remedy
from edge.commands.demo.broker import HOST, free_port
from edge.config import Camera
from edge.errors import SourceError
from tests.support.clock import FakeClock
from tests.support.listeners import Listener


def _refuse(wire: socket.socket) -> None:
    """Answers like a camera that wants another password."""
    while request := wire.recv(4096):
        lines = request.decode().splitlines()
        protocol = "RTSP/1.0" if "RTSP/" in lines[0] else "HTTP/1.0"
        numbers = [line for line in lines if line.lower().startswith("cseq")]
        head = [f"{protocol} 401 Unauthorized", *numbers, 'WWW-Authenticate: Basic realm="cam"']
        wire.sendall("\r\n".join([*head, "Content-Length: 0", "", ""]).encode())
        if protocol == "HTTP/1.0":
            return


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_refuses_the_password_is_reported_as_such(scheme: str) -> None:
    camera = Listener(_refuse)
    address = f"{HOST}:{camera.port}/stream"
    for source, sentence in (
        (f"{scheme}://admin:pa%2Fss@{address}", "does not take this one: check user name and"),
        (f"{scheme}://{address}", "set camera.username and password_file"),
    ):
        with pytest.raises(SourceError, match=sentence) as caught:
            open_camera(Camera(source=source), FakeClock(), RunControl())
        assert "pa" not in str(caught.value).replace("password", "")
    camera.close()


def test_a_server_without_a_password_or_an_answer_is_not_said_to_have_one() -> None:
    welcoming = Listener(lambda wire: wire.sendall(b"HTTP/1.0 200 OK\r\n\r\n"))
    assert password_remedy(f"http://{HOST}:{welcoming.port}/") == ""
    assert password_remedy(f"rtsp://{HOST}:{free_port()}/") == ""
    assert password_remedy("rtsp://[damaged/") == ""
    assert password_remedy("udp://239.0.0.1:1234") == ""
    welcoming.close()
