import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.config import Config, Mqtt
from edge.publish.publisher import Publisher
from edge.service.daemon import Daemon
from edge.service.watchdog import Watchdog
from tests.support.clock import FakeClock


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Replaces systemd's socket; the watchdog timeout is ten seconds."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.setblocking(False)
        yield systemd


def _notifications(systemd: socket.socket) -> list[str]:
    received = []
    with suppress(BlockingIOError):
        while True:
            received.append(systemd.recv(64).decode().partition("\n")[0])
    return received


class SlowClock(FakeClock):
    """A clock that advances by seven seconds with each look at it."""

    def now_s(self) -> float:
        self.moment_s += 7
        return self.moment_s


def test_systemd_is_notified_of_ready_alive_at_half_the_timeout_and_stopping(
    systemd: socket.socket,
) -> None:
    clock = FakeClock()
    watchdog = Watchdog(clock)
    watchdog.ready()
    for _ in range(60):
        clock.moment_s += 0.1
        watchdog.alive()
    watchdog.stopping()
    assert _notifications(systemd) == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_start_is_not_watched_before_it_has_ended(systemd: socket.socket) -> None:
    clock = FakeClock()
    watchdog = Watchdog(clock)
    clock.moment_s += 60
    watchdog.alive()
    watchdog.ready()
    assert _notifications(systemd) == ["READY=1"]


def test_models_that_load_slowly_upon_a_reload_count_as_life(
    systemd: socket.socket, tmp_path: Path
) -> None:
    clock = SlowClock()
    watchdog = Watchdog(clock)
    watchdog.ready()
    watchdog.reloading()
    config = Config(state_folder=str(tmp_path), mqtt=Mqtt(port=1))
    following = Daemon(config, watchdog, clock, lambda: None)
    following.stop()
    following.run()
    pings = ["WATCHDOG=1"] * 4  # after the trial of all models, and after each
    assert _notifications(systemd) == ["READY=1", "RELOADING=1", "WATCHDOG=1", *pings, "READY=1"]


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Watchdog(FakeClock()).ready()


def test_publishing_counts_as_ended_once_it_has_but_not_before_it_has_begun() -> None:
    clock = FakeClock()
    publisher = Publisher(Mqtt(port=1), clock=clock)
    assert publisher.last_progress_s == clock.now_s()
    publisher.start()
    publisher.stop()
    assert publisher.last_progress_s == float("-inf")
