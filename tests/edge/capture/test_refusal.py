import pytest

from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.refusal import password_remedy
from edge.commands.demo.broker import HOST, free_port
from edge.config import Camera
from edge.errors import SourceError
from tests.support.clock import FakeClock
from tests.support.listeners import Listener, want_another_password


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_refuses_the_password_is_reported_as_such(scheme: str) -> None:
    camera = Listener(want_another_password)
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
