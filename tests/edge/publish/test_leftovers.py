from pathlib import Path

import pytest

from edge.publish.leftovers import Leftovers


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "machine-id"
    file.write_text("0123456789abcdef\n")
    return file


def _leftovers(folder: Path, used: list[str], machine: Path) -> list[str]:
    return Leftovers(folder / "retained.json", used, machine).topics


def test_what_is_no_longer_used_is_left_over_until_it_is_forgotten(
    tmp_path: Path, machine: Path
) -> None:
    assert _leftovers(tmp_path, ["d/old", "d/same"], machine) == []
    leftovers = Leftovers(tmp_path / "retained.json", ["d/new", "d/same"], machine)
    assert leftovers.topics == ["d/old"]
    assert _leftovers(tmp_path, ["d/new", "d/same"], machine) == ["d/old"]
    leftovers.forget("d/old")
    assert _leftovers(tmp_path, ["d/new", "d/same"], machine) == []
    assert _leftovers(tmp_path, ["d/old", "d/same"], machine) == ["d/new"]


def test_a_copy_on_another_machine_removes_nothing_of_the_original(
    tmp_path: Path, machine: Path
) -> None:
    _leftovers(tmp_path, ["d/original"], machine)
    machine.write_text("fedcba9876543210\n")
    assert _leftovers(tmp_path, ["d/copy"], machine) == []
    assert _leftovers(tmp_path, ["d/third"], machine) == ["d/copy"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"machine": "", "topics": 3}', "\0"])
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, machine: Path, content: str) -> None:
    (tmp_path / "retained.json").write_text(content)
    assert _leftovers(tmp_path, ["d/state"], machine) == []
    assert _leftovers(tmp_path, [], machine) == ["d/state"]


def test_a_folder_that_cannot_be_written_is_logged(
    tmp_path: Path, machine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert _leftovers(machine, ["d/state"], machine) == []
    assert "cannot be written" in caplog.text
