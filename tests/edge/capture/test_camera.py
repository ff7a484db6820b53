import base64
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.device import Device
from edge.clock import Clock
from edge.config import Camera, Files
from edge.errors import SourceError
from edge.resources import SAMPLES
from edge.values import Frame
from tests.support.clock import FakeClock, Racing


def _frames(config: Camera) -> Iterator[Frame]:
    video = open_camera(config, FakeClock(), RunControl(stop=Racing()))
    while (frame := video.read()) is not None:
        yield frame
    video.close()


def test_a_video_file_is_paced_by_its_own_frame_rate() -> None:
    frames = list(_frames(Camera(source=str(HAPPY_CLIP), fps=30.0)))
    times_s = np.array([frame.captured_s for frame in frames])
    assert len(frames) == 56
    assert np.diff(times_s) == pytest.approx(1 / 29.97, abs=1e-3)
    assert frames[0].pixels.shape == (360, 480, 3)


def test_no_more_frames_are_given_than_asked_for() -> None:
    times_s = [frame.captured_s for frame in _frames(Camera(source=str(HAPPY_CLIP), fps=10.0))]
    assert len(times_s) == pytest.approx(19, abs=1)
    assert min(np.diff(times_s)) > 0.05


def test_a_video_file_loops_when_asked_to() -> None:
    frames = _frames(Camera(source=str(HAPPY_CLIP), fps=30.0, loop=True))
    assert len([frame for frame, _ in zip(frames, range(150), strict=False)]) == 150


def test_a_file_plays_in_real_time() -> None:
    video = open_camera(Camera(source=str(HAPPY_CLIP), fps=30.0), Clock(), RunControl())
    started_s = time.monotonic()
    for _ in range(10):
        video.read()
    video.close()
    assert time.monotonic() - started_s >= 9 / 29.97


def test_a_stream_whose_length_is_known_is_read_and_its_end_is_not_taken_for_a_files() -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(SAMPLES))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{HAPPY_CLIP.name}"
        frames: list[Frame] = []
        with pytest.raises(SourceError, match="gives no more pictures"):
            frames.extend(_frames(Camera(source=url, fps=30.0)))
        server.shutdown()
    assert len(frames) == 56


class MotionJpeg(BaseHTTPRequestHandler):
    """A network camera that sends 30 pictures and then hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for level in range(30):
            picture = np.full((48, 64, 3), level * 8, np.uint8)
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            self.wfile.write(
                b"--frame\r\nContent-Type: image/jpeg\r\n"
                + f"Content-Length: {len(jpeg)}\r\n\r\n".encode()
                + jpeg
                + b"\r\n"
            )

    def log_message(self, *args: object) -> None:
        pass


def test_a_network_camera_is_turned_too() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/stream.mjpg"
        camera = Camera(source=source, fps=30.0, rotate=90)
        video = open_camera(camera, FakeClock(), RunControl(stop=Racing()))
        first = video.read()
        video.close()
        server.shutdown()
    assert first is not None
    assert first.pixels.shape == (64, 48, 3)


def test_a_network_camera_with_too_large_pictures_is_refused() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        camera = Camera(source=f"http://127.0.0.1:{server.server_port}/stream.mjpg")
        limits = Files(max_picture_mpx=0.002)
        with pytest.raises(SourceError, match=r"64x48 pixels .*files\.max_picture_mpx"):
            open_camera(camera, FakeClock(), RunControl(stop=Racing()), limits=limits)
        server.shutdown()


def _read_all(video: Device[Frame], clock: FakeClock) -> None:
    while video.read() is not None:
        clock.moment_s += 1.0


def test_a_network_camera_is_read_until_it_hangs_up() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/stream.mjpg"
        clock = FakeClock()
        video = open_camera(Camera(source=source, fps=30.0), clock, RunControl(stop=Racing()))
        first = video.read()
        assert first is not None
        assert first.pixels.shape == (48, 64, 3)
        assert first.captured_s == clock.now_s()
        with pytest.raises(SourceError, match="gives no more pictures"):
            _read_all(video, clock)
        video.close()
        server.shutdown()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (97, "/dev/video97 not found; plug it in or set camera.source"),
        ("/dev/nothing", "/dev/nothing not found"),
        ("http://127.0.0.1:9/stream", "is the address right and the stream running"),
    ],
)
def test_a_missing_camera_is_reported(source: int | str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        open_camera(Camera(source=source), Clock(), RunControl())


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("http://bob:hunter2@127.0.0.1:9/stream?token=hunter2", "http://127.0.0.1:9"),
        ("http://127.0.0.1:9/user=bob_password=hunter2_channel=1.sdp", "http://127.0.0.1:9"),
        ("http://127.0.0.1:9/s;pwd=hunter2", "http://127.0.0.1:9"),
        ("http://127.0.0.1:9;pwd=hunter2", "http://127.0.0.1:9"),
        ("http://bob:hun/ter2@127.0.0.1:9/stream", "http://…"),
        ("http://bob:12/hunter2@127.0.0.1:9/stream", "http://…"),
        ("http://bob:hunter2?x@127.0.0.1:9", "http://…"),
        ("http://bob:hun@ter2@127.0.0.1:9/", "http://127.0.0.1:9"),
        ("http://hunter2 pass:1", "http://…"),
        ("http://[::1]:9/hunter2", "http://[::1]:9"),
        ("http://127.0.0.1:9?mail=a@b", "http://…"),
    ],
)
def test_secrets_of_a_camera_are_not_reported(source: str, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_camera(Camera(source=source), Clock(), RunControl())
    assert str(caught.value).startswith(f"camera '{name}' cannot be opened")


class Guarded(SimpleHTTPRequestHandler):
    """Gives clips to those who know the account."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(b"bob:pa/ss@1").decode()
        if self.headers["Authorization"] == expected:
            super().do_GET()
        else:
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()


@pytest.mark.parametrize("place", ["file", "both", "environment", "credential", "address"])
def test_a_camera_gets_its_account_from_each_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    settings, start = {}, "http://"
    (tmp_path / "camera-username").write_text("bob\n")
    (tmp_path / "camera-password").write_text("pa/ss@1\n")
    if place == "file":
        settings = {"username": "bob", "password_file": str(tmp_path / "camera-password")}
    elif place == "both":
        settings = {"password_file": str(tmp_path / "camera-password")}
        start = "http://bob@"
    elif place == "environment":
        monkeypatch.setenv("EMOTIOND_CAMERA_USERNAME", "bob")
        monkeypatch.setenv("EMOTIOND_CAMERA_PASSWORD", "pa/ss@1")
    elif place == "credential":
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    else:
        monkeypatch.setenv("KIOSK_CAMERA", "pa%2Fss%401")
        start = "http://bob:${KIOSK_CAMERA}@"
    handler = partial(Guarded, directory=str(SAMPLES))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"{start}127.0.0.1:{server.server_port}/{HAPPY_CLIP.name}"
        config = msgspec.convert({"source": source, "loop": True, **settings}, Camera)
        camera = open_camera(config, Clock(), RunControl())
        assert camera.read() is not None
        camera.close()
        server.shutdown()


def test_a_secret_that_cannot_be_had_is_named() -> None:
    for settings, sentence in (
        ({"source": "http://bob:${NO_SUCH}@127.0.0.1/"}, "the environment has no NO_SUCH"),
        ({"source": "http://127.0.0.1/", "password_file": "/none"}, "needs camera.username"),
        (
            {"source": "http://127.0.0.1/", "username": "bob", "password_file": "/none"},
            "camera.password_file '/none' cannot be used",
        ),
    ):
        with pytest.raises(SourceError, match=re.escape(sentence)):
            open_camera(msgspec.convert(settings, Camera), Clock(), RunControl())


def test_a_clip_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all" * 50)
    with pytest.raises(SourceError, match="not a readable video file"):
        open_camera(Camera(source=str(path)), Clock(), RunControl())


def test_a_truncated_video_gives_what_is_whole_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(HAPPY_CLIP.read_bytes()[:40_000])
    assert 0 < len(list(_frames(Camera(source=str(path), fps=30.0)))) < 56


def test_a_source_that_the_system_does_not_let_be_looked_at_is_named(tmp_path: Path) -> None:
    for source in ("a" * 300, str(tmp_path / ("a" * 300 + ".mkv"))):
        with pytest.raises(SourceError, match="aaa"):
            open_camera(Camera(source=source), FakeClock(), RunControl())
