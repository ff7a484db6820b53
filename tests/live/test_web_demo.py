"""`emotiond demo --web` as a user runs it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from edge.capture.media import read_frames, read_sound
from edge.commands.demo.broker import HOST, free_port
from edge.commands.demo.web import join, show_web
from edge.errors import EmotiondError
from edge.resources import SAMPLES
from tests.support.waiting import wait_until


def test_the_clips_play_live_on_the_page_until_it_is_ended() -> None:
    port = free_port()
    command = [sys.executable, "-m", "edge.cli", "demo", "--web", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            demo.stdout.readline()
            assert f"http://{HOST}:{port}/#devices/demo" in demo.stdout.readline()
            children = _children(demo.pid)
            with urllib3.PoolManager(retries=False) as pool:

                def modalities() -> dict[str, str]:
                    try:
                        answer = pool.request("GET", f"http://{HOST}:{port}/api/devices")
                    except urllib3.exceptions.HTTPError:
                        return {}
                    devices = answer.json()["devices"]
                    return dict(devices[0]["modalities"]) if devices else {}

                wait_until(lambda: modalities().get("face") == "ok", 30)
                wait_until(lambda: modalities().get("speech") == "ok", 30)
        finally:
            demo.send_signal(signal.SIGTERM)
    assert demo.returncode == 128 + signal.SIGINT
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def _children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def test_clips_are_joined_with_their_pictures_and_sound(tmp_path: Path) -> None:
    clips = sorted(SAMPLES.glob("*.mkv"))
    join(clips, tmp_path / "film.mkv")
    pictures, samples = (
        [sum(1 for _ in read_frames(one, 120)) for one in (*clips, tmp_path / "film.mkv")],
        [len(read_sound(one)) for one in (*clips, tmp_path / "film.mkv")],
    )
    assert pictures[-1] == pytest.approx(sum(pictures[:-1]), abs=len(clips))
    assert samples[-1] == pytest.approx(sum(samples[:-1]), rel=0.02)


def test_without_clips_the_demo_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="no clips found"):
        show_web(0, tmp_path)
