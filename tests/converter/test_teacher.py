"""The teacher: its predictions, and their cache."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from converter.datasets.texts import LABELS
from converter.distillation.teacher import SentenceTeacher, fingerprint
from converter.networks import encoder
from edge.emotions import FloatArray
from edge.errors import EmotiondError


@pytest.mark.slow
def test_a_teacher_is_trained_and_its_predictions_are_cached(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("answers"))
    teacher = SentenceTeacher(tmp_path / "run")
    assert teacher.heads.families == ("here", "there")
    texts = ["i am so happy 99", "sad day 99"]
    first = teacher.predict(texts)
    assert [LABELS[index] for index in first.argmax(axis=1)] == ["joy", "sadness"]
    assert first.sum(axis=1) == pytest.approx(1, abs=1e-5)
    (kept,) = (tmp_path / "run" / "answers").iterdir()
    np.save(kept, np.load(kept)[::-1])
    assert np.array_equal(teacher.predict(texts), first[::-1])
    assert teacher.predict(texts[::-1]) == pytest.approx(first[::-1], abs=1e-3)


@pytest.mark.slow
def test_a_teacher_predicts_the_geometric_mean_of_its_heads(run: Path) -> None:
    teacher = SentenceTeacher(run)
    model = keras.models.load_model(run / "model.keras", compile=False)
    ids = encoder.read_tokenizer(run).encode("so happy").ids
    heads = softmax(model.predict(np.array([ids]), verbose=0).reshape(2, len(LABELS)), axis=1)
    mean = np.sqrt(heads[0] * heads[1])
    assert teacher.predict(["so happy"])[0] == pytest.approx(mean / mean.sum(), abs=1e-4)


def _teacher_with_logits(run: Path, folder: Path, logits: FloatArray) -> SentenceTeacher:
    """A copy of a teacher with `logits` for the text `so`, float32[2, labels]."""
    shutil.copytree(run, folder, dirs_exist_ok=True)
    (folder / "answers").mkdir(exist_ok=True)
    np.save(folder / "answers" / f"{fingerprint(['so'])}.npy", logits[None])
    return SentenceTeacher(folder)


JOY, SADNESS = LABELS.index("joy"), LABELS.index("sadness")
OPPOSED = np.zeros((2, len(LABELS)), np.float32)
OPPOSED[:, [JOY, SADNESS]] = [[3, 0], [-2, 1]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "nepers"), [((), 0.0), ((1, 0), 3.0), ((0, 1), -3.0), ((0.5, 1), -1.5)]
)
def test_heads_have_the_given_weights(
    weights: tuple[float, ...], nepers: float, run: Path, tmp_path: Path
) -> None:
    (answer,) = _teacher_with_logits(run, tmp_path, OPPOSED).predict(["so"], weights)
    assert np.log(answer[JOY] / answer[SADNESS]) == pytest.approx(nepers, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.0, 0.0), (2.0, -1.0)])
def test_unusable_head_weights_are_refused(run: Path, weights: tuple[float, ...]) -> None:
    with pytest.raises(EmotiondError, match=r"weights, \d in all, for 2 heads \(here, there\)"):
        SentenceTeacher(run).predict(["so"], weights)


@pytest.mark.slow
def test_a_label_that_a_head_was_not_trained_on_is_left_to_the_others(
    run: Path, tmp_path: Path
) -> None:
    heads = json.loads((run / "heads.json").read_text())
    assert heads["known"] == {name: ["joy", "sadness"] for name in ("here", "there")}
    _teacher_with_logits(run, tmp_path, OPPOSED)
    heads["known"]["there"] = ["sadness"]
    (tmp_path / "heads.json").write_text(json.dumps(heads))
    here, there = log_softmax(OPPOSED, axis=1)
    expected = (here + there) / 2
    expected[JOY] = here[JOY]
    answer = SentenceTeacher(tmp_path).predict(["so"])[0]
    assert answer == pytest.approx(softmax(expected), abs=1e-5)


@pytest.mark.slow
def test_an_unfinished_teacher_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="not a finished run of a sentence encoder"):
        SentenceTeacher(tmp_path)
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    heads = json.loads((run / "heads.json").read_text())
    (tmp_path / "heads.json").write_text(json.dumps(heads | {"families": ["here"]}))
    with pytest.raises(EmotiondError, match=r"heads\.json does not fit the model there"):
        SentenceTeacher(tmp_path)
