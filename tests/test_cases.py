"""`benchmarks.cases` compares what is found in files with what is right."""

import shutil
from pathlib import Path

import pytest

from benchmarks.cases.__main__ import Case, main
from benchmarks.harness.clips import HAPPY_CLIP

FACTS = ["exit=1", "face=happy", "error=a.mp4: cannot decode its AV1 pictures"]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("face=happy", True),
        ("face=sad", False),
        ("face=happy & error=*AV1*", True),
        ("face=happy & exit=0", False),
        ("no speech=*", True),
        ("face=* & no error=*", False),
        (["face=sad", "error=*cannot decode*"], True),
        (["face=sad", "error=*cannot read*"], False),
    ],
)
def test_a_case_is_right_if_one_of_its_alternatives_holds(
    right: str | list[str], expected: bool
) -> None:
    case = Case(file="a.mp4", right=right)
    assert case.is_right(FACTS) == expected
    assert not case.is_right([*FACTS, "traceback"])


def test_a_folder_of_cases_becomes_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(HAPPY_CLIP, tmp_path / "a.mkv")
    (tmp_path / "config.yaml").write_text("camera:\n  fps: fast\n")
    (tmp_path / "cases.yaml").write_text(
        "- {file: a.mkv, right: face=happy & speech=*}\n"
        "- {file: config.yaml, check: config, right: 'exit=78 & says=*config.yaml:2: *'}\n"
        "- {file: a.mkv, check: camera, right: frames=1}\n"
    )
    assert main([str(tmp_path)]) == 1
    _, _, first, second, third, _, sum_ = capsys.readouterr().out.splitlines()
    assert first.startswith("| a.mkv | predict | yes | exit=0, face=happy")
    assert second.startswith("| config.yaml | config | yes | exit=78")
    assert third.startswith("| a.mkv | camera | **no** | frames=56, face=happy")
    assert sum_ == "2 of 3 right"
