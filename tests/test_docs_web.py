"""The commands of docs/web.md are answered as the page says."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import paho.mqtt.client as paho
import pytest
import soundfile
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.mosquitto import Mosquitto
from edge.capture.media import read_frames, read_sound
from edge.commands.demo.broker import HOST
from edge.config import Config, Mqtt
from edge.values import SAMPLE_RATE_HZ
from edge.web.routes import ENDPOINTS
from tests.support.waiting import wait_until
from tests.support.web import site

TEXT = (Path(__file__).parents[1] / "docs" / "web.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^curl .+$", TEXT, re.M)


@pytest.fixture
def port(broker: Mosquitto) -> Iterator[int]:
    device = paho.Client(CallbackAPIVersion.VERSION2)
    device.connect(HOST, broker.port)
    device.loop_start()
    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    with site(config=Config(mqtt=Mqtt(host=HOST, port=broker.port))) as web:
        wait_until(lambda: web.get("/api/devices/kiosk").status == 200)
        yield web.port
    device.disconnect()
    device.loop_stop()


def test_every_curl_command_is_answered(port: int, tmp_path: Path) -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    cv2.imwrite(str(tmp_path / "face.png"), frame.pixels)
    soundfile.write(tmp_path / "voice.wav", read_sound(HAPPY_CLIP), SAMPLE_RATE_HZ)
    (tmp_path / "clip.mkv").symlink_to(HAPPY_CLIP)
    for command in COMMANDS:
        words = shlex.split(command.replace("localhost:8000", f"localhost:{port}"))
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        if "/metrics" in command or "/api/events" in command:
            assert "emotiond_web_busy" in done.stdout or "event: devices" in done.stdout
        else:
            assert "error" not in json.loads(done.stdout), command


def test_every_endpoint_has_its_row_and_its_command() -> None:
    rows = set(re.findall(r"^\| `(GET|POST) ([^`]+)` \|", TEXT, re.M))
    described = {(one.method, one.path.replace("{device}", "DEVICE")) for one in ENDPOINTS}
    assert rows == described
    used = {re.sub(r".*localhost:8000(\S+).*", r"\1", command) for command in COMMANDS}
    assert used == {one.path.replace("{device}", "kiosk") for one in ENDPOINTS}
