import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.capture.plugs import await_plug, plugged_in


class Looks(threading.Event):
    """Ends waits at once; before each look something may happen to the devices."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self._acts = acts

    def wait(self, timeout: float | None = None) -> bool:
        if len(self.waits) < len(self._acts):
            self._acts[len(self.waits)]()
        self.waits.append(timeout)
        return self.is_set()


def nothing() -> None:
    pass


def test_only_cameras_and_sound_cards_count(tmp_path: Path) -> None:
    assert not plugged_in(tmp_path / "none")
    (tmp_path / "snd").mkdir()
    for name in ("video0", "snd/pcmC0D0c", "tty1"):
        (tmp_path / name).touch()
    assert plugged_in(tmp_path) == {str(tmp_path / "video0"), str(tmp_path / "snd/pcmC0D0c")}


def test_a_device_is_there_once_it_may_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, late = tmp_path / "video0", tmp_path / "video1"
    camera.touch()
    late.touch()
    # Root may read everything.
    monkeypatch.setattr(os, "access", lambda file, mode: file != late and mode == os.R_OK)
    assert plugged_in(tmp_path) == {str(camera)}


@pytest.mark.parametrize(("longest_s", "looks"), [(2.0, 10), (0.5, 3), (0.05, 1)])
def test_where_nothing_changes_the_wait_is_as_long_as_told(
    tmp_path: Path, longest_s: float, looks: int
) -> None:
    stop = Looks()
    assert not await_plug(stop, longest_s, tmp_path)
    assert stop.waits == [longest_s / looks] * looks


def test_a_device_that_comes_or_goes_ends_the_wait_once_all_its_files_have(tmp_path: Path) -> None:
    first, second = tmp_path / "video0", tmp_path / "video1"
    stop = Looks(nothing, first.touch, second.touch)
    assert await_plug(stop, 60.0, tmp_path)
    assert len(stop.waits) == 4
    stop = Looks(first.unlink, second.unlink)
    assert await_plug(stop, 60.0, tmp_path)
    assert len(stop.waits) == 3


def test_a_device_that_comes_at_the_end_of_the_wait_is_told_too(tmp_path: Path) -> None:
    assert await_plug(Looks((tmp_path / "video0").touch), 0.2, tmp_path)


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    stop = Looks()
    stop.set()
    assert not await_plug(stop, 60.0, tmp_path)
    assert len(stop.waits) == 1
