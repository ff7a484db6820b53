from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.emotions import softmax
from edge.errors import ModelError
from edge.perception.classifier import Classifier, as_logits, calibrated
from edge.perception.face import FacePerception
from edge.perception.loader import ModelLoader
from edge.perception.pack import Pack, load_pack
from edge.resources import MODELS

UNREACHABLE = (1e3, 2e3)
"""Bounds of familiarity above any answer."""


@pytest.fixture(scope="module")
def face() -> Pack:
    return load_pack(MODELS / "face.json")


def _changed(pack: Pack, **fields: object) -> Classifier:
    manifest = msgspec.structs.replace(pack.manifest, **fields)
    return Classifier(msgspec.structs.replace(pack, manifest=manifest))


def test_probabilities_are_not_softmaxed_again(face: Pack) -> None:
    manifest = msgspec.structs.replace(
        face.manifest, output="probabilities", log_prior=(), temperature=1.0
    )
    answered = np.array([0.5, 0.25, 0.125, 0.125, 0, 0, 0, 0], np.float32)
    assert np.allclose(calibrated(as_logits(answered, manifest), manifest), answered, atol=0.01)


def test_the_frequency_of_a_label_counts_before_the_temperature(face: Pack) -> None:
    prior = tuple(np.log([0.5, 0.2, 0.1, 0.1, 0.025, 0.025, 0.025, 0.025]).tolist())
    manifest = msgspec.structs.replace(face.manifest, log_prior=prior, temperature=2.0)
    logits = np.arange(8, dtype=np.float32)
    assert np.allclose(calibrated(logits, manifest), softmax(logits + np.array(prior), 2.0))
    without = msgspec.structs.replace(manifest, log_prior=())
    assert np.allclose(calibrated(logits, without), softmax(logits, 2.0))


def test_familiarity_grows_with_the_strength_of_an_answer(face: Pack) -> None:
    classifier = _changed(face, familiarity=(1.0, 2.0))
    pattern = np.array([1, -1] * 4, np.float32)  # of deviation 1
    found = [classifier.interpret(strength * pattern).familiarity for strength in (0, 1, 1.5, 2, 5)]
    assert found == pytest.approx([0, 0, 0.5, 1, 1])
    assert _changed(face, familiarity=None).interpret(0 * pattern).familiarity == 1


def test_an_unfamiliar_face_has_a_fifth_of_its_quality(loader: ModelLoader, face: Pack) -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 5.0)))

    def quality(bounds: tuple[float, float] | None) -> float:
        perception = FacePerception(loader.new_face().tracker, _changed(face, familiarity=bounds))
        seen = perception.perceive(frame).primary
        assert seen is not None
        crop = perception.perceive_crop(frame).quality
        assert crop == pytest.approx(0.2 if bounds == UNREACHABLE else 1.0)
        return seen.quality

    assert quality(UNREACHABLE) == pytest.approx(0.2 * quality(None), rel=0.01)
    assert quality((0.0, 1e-6)) == pytest.approx(quality(None))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"familiarity": (2.0, 2.0)}, "not in ascending order"),
        ({"log_prior": (0.0, -1.0)}, "log_prior has 2 values for 8 labels"),
    ],
)
def test_a_calibration_that_does_not_fit_is_refused(
    tmp_path: Path, face: Pack, fields: dict[str, Any], message: str
) -> None:
    file = tmp_path / "face.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(face.manifest, **fields)))
    (tmp_path / face.manifest.file).write_bytes(face.model)
    with pytest.raises(ModelError, match=message):
        load_pack(file)
