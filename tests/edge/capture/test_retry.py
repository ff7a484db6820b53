import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.capture.reader import STEADY_S
from edge.capture.retry import POLL_INTERVAL_S, Retry, readable_devices
from edge.config import Backoff, Config


class Waits(threading.Event):
    """Ends waits at once, and adds them up; before the end of each something may happen."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.waited_s = 0.0
        self._acts = iter(acts)

    def wait(self, timeout: float | None = None) -> bool:
        next(self._acts, bool)()
        self.waited_s += timeout or 0.0
        return self.is_set()


def waited_s(retry: Retry, was_steady: bool = False, *acts: Callable[[], object]) -> float:
    """Returns the length of the wait; one of `acts` happens before each poll."""
    stop = Waits(*acts)
    retry.wait(stop, was_steady)
    return stop.waited_s


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "snd").mkdir()
    return tmp_path


@pytest.fixture
def retry(dev: Path) -> Retry:
    """Waits one second, two, four, four …"""
    begun = Retry(Backoff(longest_s=4.0), lambda: readable_devices(dev))
    begun.start_attempt()
    return begun


def test_only_cameras_and_sound_cards_count(dev: Path) -> None:
    for name in ("video0", "snd/pcmC0D0c", "tty1"):
        (dev / name).touch()
    assert readable_devices(dev) == {"video0", "snd/pcmC0D0c"}


def test_a_folder_that_is_gone_has_no_devices(dev: Path) -> None:
    (dev / "snd").rmdir()
    assert not readable_devices(dev)
    dev.rmdir()
    assert not readable_devices(dev)


def test_a_file_whose_device_cannot_be_read_does_not_count(dev: Path) -> None:
    (dev / "video0").symlink_to("gone")
    assert not readable_devices(dev)


def test_waits_grow_until_a_device_was_steady(retry: Retry) -> None:
    found = [waited_s(retry, steady) for steady in (False, False, False, False, True, False)]
    assert found == pytest.approx([1.0, 2.0, 4.0, 4.0, 1.0, 2.0])


def test_one_that_was_away_for_long_is_back_within_five_seconds() -> None:
    retry = Retry(Config().device_retry, frozenset)
    opening_s = 1.5
    assert max(waited_s(retry) for _ in range(30)) + opening_s + STEADY_S < 5.0


def test_a_wait_shorter_than_a_look_is_waited() -> None:
    retry = Retry(Backoff(shortest_s=0.01, longest_s=0.01), frozenset)
    assert waited_s(retry) == pytest.approx(0.01)


def test_a_device_that_is_plugged_in_ends_the_wait_once_all_its_files_are_there(
    retry: Retry, dev: Path
) -> None:
    first, second = (dev / "snd" / name for name in ("controlC0", "pcmC0D0c"))
    assert waited_s(retry) == pytest.approx(1.0)
    assert waited_s(retry, False, bool, first.touch, second.touch) == pytest.approx(
        4 * POLL_INTERVAL_S
    )
    retry.start_attempt()
    assert waited_s(retry) == pytest.approx(1.0)


def test_a_device_that_is_plugged_in_while_another_was_being_opened_is_noticed(
    retry: Retry, dev: Path
) -> None:
    (dev / "video0").touch()
    assert waited_s(retry) == pytest.approx(2 * POLL_INTERVAL_S)


def test_one_that_comes_at_the_end_of_a_wait_makes_the_next_one_short(
    retry: Retry, dev: Path
) -> None:
    acts = [bool] * 4 + [(dev / "video0").touch]
    assert waited_s(retry, False, *acts) == pytest.approx(1.0)
    retry.start_attempt()
    assert waited_s(retry) == pytest.approx(1.0)


def test_one_that_goes_ends_no_wait(retry: Retry, dev: Path) -> None:
    camera = dev / "video0"
    camera.touch()
    retry.start_attempt()
    assert waited_s(retry, False, camera.unlink) == pytest.approx(1.0)
    assert waited_s(retry) == pytest.approx(2.0)


def test_a_stop_ends_the_wait(retry: Retry) -> None:
    stop = Waits()
    stop.set()
    retry.wait(stop, was_steady=False)
    assert stop.waited_s == pytest.approx(POLL_INTERVAL_S)
