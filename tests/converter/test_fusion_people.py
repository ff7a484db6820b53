"""What fusion learns from clips of people, and the page about those who were left out."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from converter.datasets.samples import DatasetError
from converter.fusion.figures import CENTRED, FIRST_MET, KNOWN, Answers
from converter.fusion.people import MODALITIES, predict_people
from converter.fusion.report import write_fusion_report
from edge.config import Tracking
from edge.emotions import EMOTIONS, FloatArray, softmax
from edge.fusion.model import Figure
from edge.fusion.pooling import STRATEGIES
from edge.resources import MODELS
from emotiond import Emotions

HAPPY, SAD = EMOTIONS.index("happy"), EMOTIONS.index("sad")


def test_people_are_read_as_the_device_reads_them_and_what_is_left_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    shutil.copy(HAPPY_CLIP, tmp_path / "a.mkv")
    rows = ["a.mkv,Happiness,anna", "a.mkv,sad, ben", "a.mkv,bored,ben", "gone.mkv,happy,ben"]
    table = "\n".join(["file,emotion,speaker", *rows, "a.mkv,contempt,ben", "a.opus,happy,anna"])
    (tmp_path / "labels.csv").write_text(table + "\n")
    people = predict_people([tmp_path], MODELS)
    assert people.truth.tolist() == [HAPPY, SAD]
    assert people.names == (f"{tmp_path.name} anna", f"{tmp_path.name} ben")
    assert people.durations_s == pytest.approx([1.85, 1.85], abs=0.1)
    assert people.probabilities.shape == (2, len(MODALITIES), len(EMOTIONS))
    face, voice = people.probabilities[0]
    assert face.argmax() == HAPPY
    heard = Emotions().sound(HAPPY_CLIP)
    assert heard is not None
    assert voice == pytest.approx(np.array(list(heard.probabilities.values())), abs=1e-3)
    assert "2 clips of 2 people; the first of 3 left out: " in capsys.readouterr().out
    assert [own.names for _, own in people.left_out()] == [(one,) for one in people.names]


def test_a_folder_without_a_usable_clip_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,emotion,speaker\na.mkv,bored,anna\n")
    with pytest.raises(DatasetError, match=r"no usable clip.*labels\.csv:2: a\.mkv: 'bored' is"):
        predict_people([tmp_path], MODELS)


def _beliefs(sure: list[float]) -> FloatArray:
    """Returns beliefs in *happy* that are so sure."""
    rest = (1 - np.array(sure)) / (len(EMOTIONS) - 1)
    beliefs = np.repeat(rest[:, None], len(EMOTIONS), axis=1)
    beliefs[:, HAPPY] = sure
    return np.asarray(beliefs, np.float32)


def _cells(lines: list[str]) -> dict[str, list[str]]:
    """Returns the cells of all rows of tables, by the first one."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {row[0]: row[1:] for row in rows}


def test_the_page_counts_what_is_told_and_what_of_it_is_right(tmp_path: Path) -> None:
    least = Tracking().min_confidence
    truth = np.array([HAPPY, HAPPY, SAD, SAD])
    places = [(strategy, name) for strategy in STRATEGIES for name in (FIRST_MET, KNOWN, CENTRED)]
    beliefs = dict.fromkeys(places, _beliefs([0.9, 0.8, least, least - 0.01]))
    beliefs["average", KNOWN] = _beliefs([0.2] * 4)
    beliefs["alone", "people: face"] = softmax(5 * np.eye(len(EMOTIONS), dtype=np.float32)[truth])
    pairs = [
        Figure(strategy, "without face", "accuracy", value, 100)
        for strategy, value in zip(STRATEGIES, (0.5, 0.6, 0.4, 0.55), strict=True)
    ]
    page = write_fusion_report(Answers(beliefs, truth), pairs, tmp_path / "reports")
    lines, compared = (
        part.splitlines() for part in page.read_text().split("## Which strategy wins where")
    )
    cells = _cells(lines)
    recall, accuracy, ece, told, right = cells[f"log_linear, {FIRST_MET}"]
    assert (recall, accuracy, told, right) == ("50.0%", "50.0%", "75%", "67%")
    assert float(ece) == pytest.approx((0.1 + 0.2 + 2 * least - 0.01) / 4, abs=0.001)
    assert cells[f"average, {KNOWN}"][3:] == ["0%", "–"]
    assert cells["alone, people: face"][0] == "100.0%"
    assert cells[FIRST_MET] == ["100%", "0%"]
    assert f"confidence of {least} " in page.read_text()
    assert _cells(compared)["pairs, without face"] == [
        "50.0%",
        "**60.0%**",
        "40.0%",
        "55.0%",
        "4.9%",
    ]
    plots = [line[line.index("(") + 1 : -1] for line in lines if line.startswith("![")]
    assert len(plots) == 4
    for plot in plots:
        assert (page.parent / plot).read_bytes().startswith(b"\x89PNG")
