from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge.publish.unfinished import Unfinished
from tests.support.publishing import COMPOSER, event


def test_an_episode_that_a_crash_cut_off_is_ended_once_by_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "state" / "episodes.json"
    crashed = Unfinished(file)
    cut, over = event(0), event(1)
    for change in (cut, replace(cut, phase="update", sequence=1), over):
        crashed.note(COMPOSER.event(change))
    crashed.note(COMPOSER.event(replace(over, phase="end", sequence=1)))
    (end,) = Unfinished(file).take()
    assert (end.id, end.data.phase, end.data.sequence) == ("episode 0", "end", 2)
    assert end.data.replayed
    update = COMPOSER.event(replace(cut, phase="update", sequence=1))
    assert (end.data.emotion, end.data.duration_s) == (update.data.emotion, update.data.duration_s)
    assert Unfinished(file).take() == []


@pytest.mark.parametrize("content", [b"", b"[{}]", b"\xff", b"[" * 100_000])
def test_a_damaged_file_ends_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "episodes.json"
    file.write_bytes(content)
    assert Unfinished(file).take() == []
    assert not file.exists()


def test_a_folder_that_cannot_be_written_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    unfinished = Unfinished(tmp_path / "file" / "episodes.json")
    for number in range(3):
        unfinished.note(COMPOSER.event(event(number)))
    assert caplog.text.count("episodes stay without an end") == 1
    assert msgspec.json.encode(unfinished.take()) == b"[]"
