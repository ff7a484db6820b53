"""Reloading, systemd's view and the load of the daemon as a process."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.machine import rss_mb
from tests.support.daemon_settings import daemon_settings
from tests.support.waiting import wait_until


def _write(folder: Path, settings: dict[str, Any]) -> None:
    settings = {"state_folder": str(folder / "state")} | settings
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))


def _until_logged(process: subprocess.Popen[str], part: str) -> str:
    assert process.stderr is not None
    while part not in (line := process.stderr.readline()):
        assert line, f"the daemon ended without logging {part!r}"
    return line


def test_a_hangup_applies_the_new_configuration_in_the_same_process(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, daemon_settings(broker.port)) as process:
        subscriber.until("face/status", "off")
        clip = {"source": str(HAPPY_CLIP), "loop": True}
        _write(tmp_path, daemon_settings(broker.port, camera=clip))
        process.send_signal(signal.SIGHUP)
        received = subscriber.until("face/status", "ok")
        event = json.loads(subscriber.until("kiosk/event")[-1][1])["data"]
        assert (event["emotion"], event["phase"]) == ("happy", "start")
        process.send_signal(signal.SIGHUP)
        again = subscriber.until("face/status", "ok")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    statuses = [payload for topic, payload in received if topic.endswith("kiosk/status")]
    assert statuses == ["offline", "online"]
    events = [json.loads(payload)["data"] for topic, payload in again if topic.endswith("/event")]
    assert events[-1]["phase"] == "end"


def _catches_hangups(process: subprocess.Popen[str]) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << (signal.SIGHUP - 1))


def test_a_hangup_while_the_program_is_still_loading_reloads_it_later(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, daemon_settings(broker.port)) as process:
        wait_until(lambda: _catches_hangups(process))
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        process.send_signal(signal.SIGHUP)
        _until_logged(process, "reloading")
        subscriber.until("text/status", "ok")
    assert "cv2" not in maps


def test_a_faulty_configuration_changes_nothing_and_is_logged_with_its_line(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, daemon_settings(broker.port)) as process:
        subscriber.until("text/status", "ok")
        for wrong, sentence in (
            ({"camera": {"sauce": 0}}, "config.yaml:2: camera.sauce: unknown key; did you mean"),
            (
                daemon_settings(1, mqtt={"username": "u", "password_file": "/none"}),
                "'/none' cannot be",
            ),
        ):
            _write(tmp_path, wrong)
            process.send_signal(signal.SIGHUP)
            line = _until_logged(process, "not reloaded")
            assert sentence in line
        (tmp_path / "config.yaml").write_text("")
        process.send_signal(signal.SIGHUP)
        assert "it sets nothing" in _until_logged(process, "not reloaded")
        (tmp_path / "config.yaml").unlink()
        process.send_signal(signal.SIGHUP)
        assert "cannot read it" in _until_logged(process, "not reloaded")
        subscriber.client.publish("emotion/kiosk/set/text", "I am so happy about this!", qos=1)
        received = subscriber.until("kiosk/event")
    assert not [topic for topic, _ in received if topic.endswith("kiosk/status")]


def test_a_reload_that_fails_in_an_unforeseen_way_does_not_block_a_stop(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    with daemon(tmp_path, daemon_settings(broker.port)) as process:
        subscriber.until("text/status", "ok")
        _write(tmp_path, daemon_settings(1, mqtt={"username": "u", "password_file": "no\0file"}))
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        _until_logged(process, "not reloaded")


def test_text_is_given_up_when_too_much_memory_is_used(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    settings = daemon_settings(broker.port, camera=clip, load={"max_memory_mb": 50})
    with daemon(tmp_path, settings):
        received = subscriber.until("kiosk/event")
    statuses = [status for topic, status in received if topic.endswith("text/status")]
    assert statuses[-1].startswith("degraded: given up, the daemon takes ")


def test_ten_reloads_leave_the_memory_as_it_was(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    def reload(times: int) -> float:
        readings = []
        for _ in range(times):
            process.send_signal(signal.SIGHUP)
            subscriber.until("speech/status", "ok")
            subscriber.until("kiosk/state")
            readings.append(rss_mb(process.pid))
        return min(readings[-3:])  # one differs from the next by what is loading just then

    clip = {"source": str(HAPPY_CLIP), "loop": True}
    settings = daemon_settings(broker.port, camera=clip, microphone=clip)
    with daemon(tmp_path, settings, stderr=subprocess.DEVNULL) as process:
        subscriber.until("speech/status", "ok")
        before_mb = reload(3)
        assert reload(10) - before_mb < 5  # 20 MB if each thread has a heap of its own


def test_a_pause_that_cannot_be_stored_survives_a_reload(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    settings = daemon_settings(broker.port, camera=clip, state_folder=str(blocked))
    with daemon(tmp_path, settings) as process:
        subscriber.until("face/status", "ok")
        subscriber.client.publish("emotion/kiosk/set/pause", "on", qos=1)
        _until_logged(process, "the pause cannot be stored")
        subscriber.until("face/status", "off")
        process.send_signal(signal.SIGHUP)
        received = subscriber.until("kiosk/status", "online")
        subscriber.client.publish("emotion/kiosk/set/text", "I am happy", qos=1)
        received += subscriber.until("kiosk/error")
    assert "set/pause" in received[-1][1]
    assert ("emotion/kiosk/face/status", "ok") not in received


@contextmanager
def _systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket in place of systemd's."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(10)
        yield systemd


def test_systemd_is_notified_of_readiness_progress_reload_and_stop(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until(systemd: socket.socket, start: str) -> list[str]:
        received = [systemd.recv(128).decode()]
        while not received[-1].startswith(start):
            received.append(systemd.recv(128).decode())
        return received

    with (
        _systemd(tmp_path, monkeypatch) as systemd,
        daemon(tmp_path, daemon_settings(broker.port)) as process,
    ):
        assert until(systemd, "READY=1") == ["READY=1"]
        until(systemd, "WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        until(systemd, "RELOADING=1\nMONOTONIC_USEC=")
        assert set(until(systemd, "READY=1")) == {"WATCHDOG=1", "READY=1"}
        until(systemd, "WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        until(systemd, "STOPPING=1")
        assert process.wait(5) == 0


def test_the_load_is_kept_within_its_budget_and_published(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    settings = daemon_settings(broker.port, camera=clip, load={"max_cpu_percent": 0.1})
    settings["mqtt"]["health_interval_s"] = 1.0
    with daemon(tmp_path, settings) as process:
        load = {"level": 0}
        while load["level"] == 0:
            load = json.loads(subscriber.until("kiosk/health")[-1][1])["data"]["load"]
        assert "load: level 1 of 5 (cpu;" in _until_logged(process, "load:")
    assert load == {"level": 1, "reason": "cpu", "fps": 15.0, "detect_every": 2}
