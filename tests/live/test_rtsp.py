"""A network camera with a password, as a real RTSP server serves one: tests/support/rtsp_server.py.

Skipped where the system's Python has no GStreamer server.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST, free_port
from tests.support.daemon_settings import OFF, daemon_settings

SERVER = Path(__file__).parents[1] / "support" / "rtsp_server.py"
SYSTEM_PYTHON = "/usr/bin/python3"
NEEDS = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("x264enc", "rtph264pay", "videotestsrc")))
"""
PASSWORD = "pa/ss@1"  # noqa: S105
PATIENCE_S = 40.0


def _can_serve() -> bool:
    command = [SYSTEM_PYTHON, "-c", NEEDS]
    return (
        Path(SYSTEM_PYTHON).exists()
        and not subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode
    )


pytestmark = pytest.mark.skipif(not _can_serve(), reason="needs GStreamer's RTSP server")


@contextmanager
def _camera(port: int) -> Iterator[subprocess.Popen[str]]:
    command = [SYSTEM_PYTHON, str(SERVER), str(port), "admin", PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def _status(subscriber: Subscriber, start: str) -> str:
    """Returns the first status of the face that starts like this."""
    while True:
        payload = subscriber.until("face/status", timeout_s=PATIENCE_S)[-1][1]
        if payload.startswith(start):
            return payload


def test_every_fault_of_a_network_camera_is_named_and_its_end_noticed(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    port = free_port()
    secret, log = tmp_path / "password", tmp_path / "log"
    secret.write_text("not-it\n")
    secret.chmod(0o600)
    source = {
        "source": f"rtsp://{HOST}:{port}/stream",
        "username": "admin",
        "password_file": str(secret),
    }
    settings = daemon_settings(broker.port, camera=source, text=OFF)
    with log.open("w") as stderr, daemon(tmp_path, settings, stderr.fileno()) as process:
        assert "is the address right" in _status(subscriber, "degraded")
        with _camera(port) as camera:
            assert "does not take this one: check user name" in _status(subscriber, "degraded")
            secret.write_text(PASSWORD + "\n")
            os.kill(process.pid, signal.SIGHUP)
            _status(subscriber, "ok")
            camera.send_signal(signal.SIGSTOP)  # it keeps the connection and sends nothing
            stalled = _status(subscriber, "degraded")
            camera.send_signal(signal.SIGCONT)
            _status(subscriber, "ok")
            camera.send_signal(signal.SIGUSR1)
            assert "repeats its last picture" in _status(subscriber, "degraded")
            camera.send_signal(signal.SIGUSR1)
            _status(subscriber, "ok")
            camera.kill()
            stopped = _status(subscriber, "degraded")
        with _camera(port):
            _status(subscriber, "ok")
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert stalled == stopped == f"degraded: camera 'rtsp://{HOST}:{port}' gives no more pictures"
    lines = log.read_text().splitlines()
    assert [line for line in lines if not line.startswith(("INFO edge", "WARNING edge"))] == []
    assert PASSWORD not in str(lines)
