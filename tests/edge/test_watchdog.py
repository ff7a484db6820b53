import socket
from pathlib import Path

import pytest

from edge.config import Mqtt
from edge.publish.mqtt import Publisher
from edge.service.watchdog import Watchdog
from tests.support import FakeClock


def test_systemd_is_told_ready_alive_at_half_the_timeout_and_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    clock = FakeClock()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(1)
        watchdog = Watchdog(clock)
        watchdog.ready()
        for _ in range(60):
            clock.moment_s += 0.1
            watchdog.alive()
        watchdog.stopping()
        told = [systemd.recv(64) for _ in range(3)]
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(64)
    assert told == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Watchdog(FakeClock()).ready()


def test_publishing_counts_as_ended_once_it_has_but_not_before_it_has_begun() -> None:
    clock = FakeClock()
    publisher = Publisher(Mqtt(port=1), clock=clock)
    assert publisher.went_round_s == clock.now_s()
    publisher.start()
    publisher.stop()
    assert publisher.went_round_s == float("-inf")
