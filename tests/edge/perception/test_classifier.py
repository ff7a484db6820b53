from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.emotions import softmax
from edge.errors import ModelError
from edge.perception.classifier import Classifier, calibrated
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.perception.pack import Pack, load_pack
from edge.resources import MODELS
from edge.values import Frame


@pytest.fixture(scope="module")
def face() -> Pack:
    return load_pack(MODELS / "face.json")


def _changed(pack: Pack, **fields: object) -> Classifier:
    manifest = msgspec.structs.replace(pack.manifest, **fields)
    return Classifier(msgspec.structs.replace(pack, manifest=manifest))


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


def _quality(loader: ModelLoader, pictures: list[Pixels]) -> float:
    perception = loader.new_face()
    found = [perception.perceive_crop(Frame(one, 0.0)).quality for one in pictures]
    return float(np.median(found))


def _texture(rng: np.random.Generator) -> Pixels:
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_what_is_no_face_has_less_quality_than_a_face(loader: ModelLoader) -> None:
    frames = [frame.pixels for frame in read_frames(HAPPY_CLIP, 5.0)]
    perception = loader.new_face()
    crops = [perception.align(one, loader.detector.detect(one)[0]) for one in frames]
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(10)]
    faces = _quality(loader, crops)
    assert faces > 0.9
    assert _quality(loader, noise) < 0.5 * faces
    assert _quality(loader, [_texture(rng) for _ in range(10)]) < 0.7 * faces


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
