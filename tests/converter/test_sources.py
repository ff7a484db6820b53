import msgspec
import pytest

from converter.measuring.sources import source_rows
from edge.perception.manifest import Manifest, Metric
from edge.perception.pack import load_pack
from edge.resources import MODELS
from tests.converter.command_line import convert


@pytest.fixture(scope="module")
def face() -> Manifest:
    return load_pack(MODELS / "face.json").manifest


def _figures(dataset: str, split: str, **values: float) -> tuple[Metric, ...]:
    return tuple(Metric(dataset, split, name, value, 40) for name, value in values.items())


def test_sources_that_were_left_out_come_first(face: Manifest) -> None:
    own = _figures("FER+", "FER2013Valid", accuracy_seven=0.83, uar_seven=0.7, ece_seven=0.02)
    strange = _figures("RAF-DB", "all of it", accuracy_seven=0.7, recall_angry_seven=0.61)
    in_training = _figures("FER+", "FER2013Valid", accuracy_seven=0.5)
    left_out = msgspec.structs.replace(face, metrics=(*in_training, *strange))
    headings, rows = source_rows([left_out], own)
    assert headings[:5] == ("", "accuracy", "mean recall", "ECE", "angry")
    assert [row[0] for row in rows] == ["**RAF-DB**, left out (40)", "FER+, FER2013Valid (40)"]
    assert rows[0][headings.index("angry")] == "61"
    assert rows[0][headings.index("disgust")] == "–"  # does not occur there
    assert rows[1][1:4] == ("83", "70", "0.02")


def test_folds_by_data_set_are_sources_that_were_left_out(face: Manifest) -> None:
    own = _figures("known", "valid", accuracy_seven=0.8)
    strange = _figures("strange", "left out", accuracy_seven=0.4)
    _, rows = source_rows([], (*own, *strange))
    assert [row[0] for row in rows] == ["**strange**, left out (40)", "known, valid (40)"]


def test_the_float32_network_has_no_row() -> None:
    own = (Metric("FER+", "valid", "accuracy_seven", 0.8, 40, "float32"),)
    assert source_rows([], own)[1] == []


def test_a_pack_that_was_measured_on_no_left_out_source_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", "x", "--left-out", str(MODELS))
    assert convert(monkeypatch, "report", "face", *options) == 1
    message = capsys.readouterr().err
    assert "not measured on a source that was left out" in message
    assert "emotion-convert evaluate face --all" in message
