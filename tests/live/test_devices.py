"""A network camera that appears, disappears, freezes and stops sending under a running daemon."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.capture.media import read_frames
from edge.clock import Clock
from edge.commands.demo.broker import HOST, free_port
from edge.commands.doctor.devices import check_camera
from edge.config import Camera
from edge.errors import SourceError

FPS = 15.0


def _jpeg(pixels: "np.typing.NDArray[np.uint8]") -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


class NetworkCamera:
    """Serves motion JPEG of a looping clip; `shows` selects the pictures to send."""

    def __init__(self) -> None:
        self.port, self.shows = free_port(), "the clip"
        self._clip = [_jpeg(frame.pixels) for frame in read_frames(HAPPY_CLIP, FPS)]
        self._black = [
            _jpeg(np.random.default_rng(seed).integers(0, 9, (360, 480, 3), np.uint8))
            for seed in range(9)
        ]
        self._server: ThreadingHTTPServer | None = None
        self._plugged = threading.Event()

    def plug(self) -> None:
        camera = self
        self._plugged.set()

        class Stream(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while camera._plugged.is_set():
                    picture = camera._picture(number)
                    number += camera.shows != "one picture"
                    if picture:
                        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}"
                        self.wfile.write(f"--frame\r\n{head}\r\n\r\n".encode() + picture + b"\r\n")
                    time.sleep(1 / FPS)

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # the daemon closed it
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, self.port), Stream)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def unplug(self) -> None:
        self._plugged.clear()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _picture(self, number: int) -> bytes:
        if self.shows == "nothing":
            return b""
        pictures = self._black if self.shows == "black" else self._clip
        return pictures[number % len(pictures)]


@pytest.fixture
def camera() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
    yield camera
    camera.unplug()


def test_the_doctor_checks_a_camera_as_the_daemon_does(camera: NetworkCamera) -> None:
    config = Camera(source=f"http://{HOST}:{camera.port}/stream.mjpg", fps=FPS)
    camera.plug()
    found = check_camera(config, Clock())
    assert found.verdict == "pass"
    camera.shows = "black"
    found = check_camera(config, Clock())
    assert found.verdict == "warn"
    assert found.found.endswith(" sees only black: is its lens covered, or the room dark?")
    camera.shows = "one picture"
    with pytest.raises(SourceError, match="repeats its last picture"):
        check_camera(config, Clock())


def test_every_fault_of_a_camera_is_reported_and_recovered_from(
    tmp_path: Path, broker: Mosquitto, camera: NetworkCamera
) -> None:
    source = f"http://{HOST}:{camera.port}"  # all of the address that is shown
    settings = {
        "camera": {"source": f"{source}/stream.mjpg"},
        "microphone": {"enabled": False},
        "mqtt": {"host": HOST, "port": broker.port, "device": "kiosk"},
        "fusion": {"half_life_s": 0.5, "max_age_s": 1.0},
    }
    subscriber = Subscriber(broker.port)

    def status() -> str:
        return subscriber.until("face/status")[-1][1]

    with daemon(tmp_path, settings):
        assert status() == (
            f"degraded: camera '{source}' cannot be opened: is the address right and the stream "
            "running?"
        )
        camera.plug()
        assert status() == "ok"
        assert subscriber.events(1)[0]["data"]["emotion"] == "happy"
        camera.shows = "one picture"  # a smile, which must not count as a lasting one
        received = subscriber.until("face/status")
        assert received[-1][1] == f"degraded: camera '{source}' repeats its last picture"
        while not any('"phase":"end"' in payload for _, payload in received):
            received += subscriber.until("kiosk/event")
        camera.shows = "the clip"
        assert status() == "ok"
        for shown, fault in (
            ("black", "sees only black: is its lens covered, or the room dark?"),
            ("nothing", "gives no more pictures"),
        ):
            camera.shows = shown
            assert status() == f"degraded: camera '{source}' {fault}"
            camera.shows = "the clip"
            assert status() == "ok"
        camera.unplug()
        assert status().startswith("degraded")
        camera.plug()
        received = subscriber.until("face/status", "ok")
        statuses = {payload for topic, payload in received[:-1] if topic.endswith("face/status")}
        assert all(status.startswith("degraded") for status in statuses)
    subscriber.close()
