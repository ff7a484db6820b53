"""The examples of docs/python.md run as they stand, one after another."""

import re
from pathlib import Path
from typing import Any

import cv2
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.values import SAMPLE_RATE_HZ
from emotiond import Result

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


def test_the_examples_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    cv2.imwrite("face.png", frame.pixels)
    soundfile.write("voice.wav", read_sound(HAPPY_CLIP), SAMPLE_RATE_HZ)
    Path("video.mkv").symlink_to(HAPPY_CLIP)
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.S):
        exec(example, names)  # noqa: S102
    printed = capsys.readouterr().out
    assert "happy" in printed
    assert "missing.png: no such file" in printed


def test_the_table_of_fields_names_every_field_of_a_result() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Results")[2].partition("They are")[0]
    named = re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.+?) \|", table, re.M)))
    assert tuple(named) == Result.__struct_fields__
