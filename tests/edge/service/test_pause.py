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
    pause.switch(True)
    assert pause.is_on
    assert "cannot be stored" in caplog.text
