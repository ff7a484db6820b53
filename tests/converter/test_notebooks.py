"""The notebooks of examples/notebooks run as they stand; what they make is a fine-tuned pack."""

import json
from pathlib import Path
from typing import Any

import matplotlib
import msgspec
import numpy as np
import pytest

from converter.networks import face
from converter.networks.weights import load_initial_weights
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.tasks.speech import SpeechTask
from converter.training.runs import load_run, read_settings
from edge.perception.manifest import Manifest
from edge.perception.pack import load_pack
from edge.resources import MODELS

NOTEBOOKS = Path(__file__).parents[2] / "examples" / "notebooks"
FACE = MODELS / "face.tflite"


def _cells(name: str) -> list[dict[str, Any]]:
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells: list[dict[str, Any]] = notebook["cells"]
    return cells


def _few_steps(schedule: Schedule | None) -> Schedule:
    assert schedule is not None
    return msgspec.structs.replace(schedule, least_batches=0)


def _run(name: str, work: Path, patch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Manifest]:
    """Runs the code of a notebook; returns its names, and the manifest of the pack it makes."""
    matplotlib.use("Agg")
    patch.setattr("tempfile.tempdir", str(work))
    names: dict[str, Any] = {}
    for cell in _cells(name):
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102
    return names, load_pack(names["manifest"]).manifest


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_the_notebook_on_faces_fine_tunes_the_last_layers_of_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FaceTask, "fine_tuning", _few_steps(FaceTask.fine_tuning))
    names, own = _run("faces", tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert "layers with weights start from" in printed
    assert "only 3 samples held back" in printed
    network, spec = load_run(names["run"])
    start = load_pack(MODELS / "face.json").manifest
    assert spec == start.input
    untouched = face.build((96, 96, 1), 8)
    load_initial_weights(untouched, FACE, start.labels)
    same = {
        one.name: np.array_equal(one.kernel, untouched.get_layer(one.name).kernel)
        for one in network.layers
        if hasattr(one, "kernel")
    }
    assert [name for name, is_same in same.items() if not is_same] == list(same)[-5:]
    assert own.trained_on == ("my-faces train", *start.trained_on)
    assert "no redistribution (SFEW)" in own.licence
    assert (own.temperature, own.log_prior) == (start.temperature, start.log_prior)
    assert "calibration" in read_settings(names["run"])
    assert names["faces"][0].emotion == "happy"


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_the_notebook_on_voices_makes_a_pack_that_hears_the_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpeechTask, "fine_tuning", _few_steps(SpeechTask.fine_tuning))
    names, own = _run("voices", tmp_path, monkeypatch)
    assert own.trained_on[0] == "my-voices train"
    assert names["voice"] is not None


@pytest.mark.parametrize("name", ["faces", "voices"])
def test_a_notebook_is_committed_without_what_it_gave(name: str) -> None:
    code = [cell for cell in _cells(name) if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
