from pathlib import Path

import pytest

from edge.service.pause import Pause


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
