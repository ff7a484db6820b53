import time
from pathlib import Path

import pytest

from edge.service.pause import Pause
from edge.service.quiet_hours import is_quiet
from tests.support.clock import FakeClock


def test_a_pause_is_remembered_and_one_that_cannot_be_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    Pause(folder).switch(True)
    assert Pause(folder).is_on
    Pause(folder).switch(False)
    assert not Pause(folder).is_on
    blocked = tmp_path / "a file"
    blocked.touch()
    pause = Pause(blocked)
    assert "a restart will undo this change" in pause.switch(True)
    assert pause.is_on
    assert "cannot be stored" in caplog.text


def test_a_folder_that_cannot_be_read_may_hold_a_pause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pause = Pause(tmp_path / ("x" * 300))
    assert pause.is_on
    assert "cannot be read (File name too long); paused" in caplog.text
    pause.switch(False)
    assert not pause.is_on


def test_quiet_hours_pause_without_a_request_and_end_without_one(tmp_path: Path) -> None:
    pause = Pause(tmp_path)
    pause.set_quiet(True)
    assert pause.is_on
    assert pause.switch(False) == "quiet_hours still apply"
    assert pause.is_on
    pause.set_quiet(False)
    assert not pause.is_on
    pause.switch(True)
    pause.set_quiet(True)
    pause.set_quiet(False)
    assert pause.is_on  # as somebody has asked
    assert Pause(tmp_path).is_on


@pytest.mark.parametrize(
    ("now", "quiet"),
    [("21:59", False), ("22:00", True), ("02:00", True), ("06:30", False), ("12:30", True)],
)
def test_quiet_hours_may_pass_midnight(now: str, quiet: bool) -> None:
    clock = FakeClock()
    day = time.strptime(f"2026-11-24 {now}", "%Y-%m-%d %H:%M")
    clock.ahead_s = time.mktime(day) - clock.moment_s
    assert is_quiet(["22:00-06:30", "12:00-13:00"], clock) is quiet
    assert not is_quiet([], clock)


def test_before_the_clock_is_set_every_hour_may_be_quiet() -> None:
    clock = FakeClock()
    clock.ahead_s = 0.0
    assert is_quiet(["22:00-06:30"], clock)
    assert not is_quiet([], clock)
