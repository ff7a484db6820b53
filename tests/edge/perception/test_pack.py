import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.errors import ModelError
from edge.perception.classifier import Classifier
from edge.perception.detector import BlazeFace
from edge.perception.interpreter import Features
from edge.perception.manifest import Manifest, TextInput, save_manifest
from edge.perception.pack import load_pack
from edge.perception.text_features import text_windows
from edge.resources import MODELS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("text.json", "text.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path / "text.json"


def _change(manifest: Path, **changes: Any) -> None:
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


@pytest.mark.parametrize("name", ["face", "speech", "text"])
def test_the_packs_that_ship_give_a_distribution(name: str) -> None:
    pack = load_pack(MODELS / f"{name}.json")
    spec = pack.manifest.input
    if isinstance(spec, TextInput):
        features: Features = text_windows("", spec)[0]
    else:
        features = np.zeros(spec.shape, np.float32)
    answer = Classifier(pack).classify(features)
    assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-4)
    assert tuple(answer.native) == pack.manifest.labels


@pytest.mark.parametrize(
    ("name", "dataset", "split", "metric", "floor"),
    [
        ("face", "FER+", "FER2013Valid", "accuracy", 0.78),
        ("face", "RAF-DB", "a tenth by hash", "accuracy", 0.81),
        ("face", "RAF-DB", "a tenth by hash", "uar", 0.71),
        ("speech", "RAVDESS", "held back", "uar", 0.60),
        ("speech", "ASED", "held back", "uar", 0.75),
        ("text", "GoEmotions Ekman", "dev", "macro_f1_multilabel", 0.58),
        ("text", "BRIGHTER", "dev", "macro_f1_multilabel", 0.40),
        ("text", "BRIGHTER eng", "dev", "macro_f1_multilabel", 0.55),
    ],
)
def test_the_packs_that_ship_reach_their_floors(
    name: str, dataset: str, split: str, metric: str, floor: float
) -> None:
    assert _figure(name, dataset, split, metric, "int8") >= floor


def _figure(name: str, *of: str) -> float:
    """A figure of a pack that ships: that of a data set, a split, a metric and a form."""
    metrics = load_pack(MODELS / f"{name}.json").manifest.metrics
    (found,) = [m for m in metrics if (m.dataset, m.split, m.metric, m.of) == of]
    return found.value


def test_the_text_pack_is_small_enough_for_a_kiosk() -> None:
    files = (MODELS / "text.json", MODELS / "text.tflite")
    assert sum(one.stat().st_size for one in files) <= 6_000_000


@pytest.mark.parametrize("dataset", ["GoEmotions Ekman", "BRIGHTER"])
def test_the_text_pack_loses_no_more_than_half_a_point_by_int8(dataset: str) -> None:
    of = ("text", dataset, "dev", "macro_f1_multilabel")
    assert _figure(*of, "int8") >= _figure(*of, "float32") - 0.005


def test_the_text_pack_tells_the_figures_of_every_language() -> None:
    metrics = load_pack(MODELS / "text.json").manifest.metrics
    languages = {m.dataset for m in metrics if m.dataset.startswith("BRIGHTER ")}
    assert len(languages) == 28
    each = [_figure("text", one, "dev", "macro_f1_multilabel", "int8") for one in languages]
    mean = _figure("text", "BRIGHTER", "dev", "macro_f1_multilabel", "int8")
    assert mean == pytest.approx(np.mean(each), abs=1e-3)


def test_a_saved_manifest_is_read_as_it_was_with_one_line_for_each_field(tmp_path: Path) -> None:
    manifest = load_pack(MODELS / "text.json").manifest
    save_manifest(manifest, tmp_path / "text.json")
    lines = (tmp_path / "text.json").read_text(encoding="utf-8").splitlines()
    assert msgspec.json.decode("\n".join(lines), type=Manifest) == manifest
    assert len(lines) == 2 + len(msgspec.structs.fields(Manifest)) + len(manifest.metrics) + 1


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"face\.json: cannot read the manifest"):
        load_pack(tmp_path / "face.json")


def test_a_missing_model_is_named(copy: Path) -> None:
    copy.with_suffix(".tflite").unlink()
    with pytest.raises(ModelError, match=r"text\.tflite: cannot read the model"):
        load_pack(copy)


def test_a_truncated_model_is_refused_by_its_hash(copy: Path) -> None:
    model = copy.with_suffix(".tflite")
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"text\.tflite: sha256 is .* copy model and manifest"):
        load_pack(copy)


def test_a_foreign_file_with_a_fitting_hash_is_refused_by_litert(copy: Path) -> None:
    import hashlib

    rubbish = b"this is no model" * 100
    copy.with_suffix(".tflite").write_bytes(rubbish)
    _change(copy, sha256=hashlib.sha256(rubbish).hexdigest())
    with pytest.raises(ModelError, match="LiteRT cannot load this file"):
        load_pack(copy).open()


def test_labels_that_do_not_match_the_output_are_refused(copy: Path) -> None:
    labels = {"joy": "happy", "anger": "angry"}
    _change(copy, labels=list(labels), label_map=labels)
    with pytest.raises(ModelError, match="names 2 labels, the model's output has shape"):
        load_pack(copy).open()


def test_an_input_shape_that_does_not_match_is_refused(copy: Path) -> None:
    spec = json.loads(copy.read_text())["input"] | {"shape": [99]}
    _change(copy, input=spec)
    with pytest.raises(ModelError, match=r"promises .* ngrams of shape \(1, 99\)"):
        load_pack(copy).open()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label_map": {"joy": "happy"}}, "labels and label_map disagree on anger"),
        ({"label_map": {"joy": "glad"}}, "not a valid manifest"),
        ({"file": "../text.tflite"}, "must be a name"),
        ({"file": "a\0b"}, "must be a name"),
        ({"file": ""}, "cannot read the model"),
        ({"temperature": 0}, "not a valid manifest"),
        ({"colour": "blue"}, "unknown field `colour`"),
    ],
)
def test_a_manifest_at_fault_is_refused(copy: Path, changes: Any, sentence: str) -> None:
    _change(copy, **changes)
    with pytest.raises(ModelError, match=sentence):
        load_pack(copy)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"normalization": "affine"},
            "affine pictures of 1 channels need 1 means .* found 0 and 0",
        ),
        ({"mean": [127.0], "deviation": [51.0]}, "standardized pictures .* need 0 means"),
        (
            {"normalization": "affine", "mean": [127.0], "deviation": [0.0]},
            "not a valid manifest",
        ),
        ({"colour": "bgr"}, "bgr pictures do not have 1 channels"),
    ],
)
def test_pictures_that_cannot_be_are_refused(tmp_path: Path, changes: Any, sentence: str) -> None:
    for name in ("face.json", "face.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    manifest = tmp_path / "face.json"
    _change(manifest, input=json.loads(manifest.read_text())["input"] | changes)
    with pytest.raises(ModelError, match=sentence):
        load_pack(manifest)


def test_a_pack_that_hashes_texts_as_an_older_version_did_is_refused(copy: Path) -> None:
    _change(copy, input=json.loads(copy.read_text())["input"] | {"tokens": "unicode-2"})
    with pytest.raises(
        ModelError, match=r"'unicode-2'.*; if another version made it, make the pack"
    ):
        load_pack(copy)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sample_rate_hz": 8000}, "sample_rate_hz is 8000, the device records at 16000"),
        ({"mean": [0.0] * 3}, "40 coefficients need as many means and deviations, found 3 and 40"),
        ({"deviation": [0.0] * 40}, "not a valid manifest"),
    ],
)
def test_sound_features_that_cannot_be_are_refused(
    tmp_path: Path, changes: Any, sentence: str
) -> None:
    for name in ("speech.json", "speech.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    manifest = tmp_path / "speech.json"
    _change(manifest, input=json.loads(manifest.read_text())["input"] | changes)
    with pytest.raises(ModelError, match=sentence):
        load_pack(manifest)


def test_a_model_that_takes_what_another_modality_gives_is_refused(copy: Path) -> None:
    _change(copy, modality="face")
    with pytest.raises(ModelError, match=r"a face model takes ImageInput, .* TextInput"):
        load_pack(copy)


def test_a_model_that_is_no_face_detector_is_refused(tmp_path: Path) -> None:
    for name in ("face.json", "face.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    _change(tmp_path / "face.json", modality="detector")
    with pytest.raises(
        ModelError, match="no BlazeFace takes pictures of 96 px; expected 128 or 192"
    ):
        BlazeFace(load_pack(tmp_path / "face.json"), 0.5)


def test_a_float_model_is_no_emotion_model(tmp_path: Path) -> None:
    for name in ("detector-short.json", "detector-short.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    manifest = tmp_path / "detector-short.json"
    _change(manifest, modality="face")
    with pytest.raises(ModelError, match="names 0 labels"):
        load_pack(manifest).open()


def test_a_detector_whose_outputs_do_not_fit_its_size_is_refused(tmp_path: Path) -> None:
    shutil.copy(MODELS / "detector-full.json", tmp_path)
    shutil.copy(MODELS / "detector-full.tflite", tmp_path)
    pack = load_pack(tmp_path / "detector-full.json")
    short = load_pack(MODELS / "detector-short.json")
    with pytest.raises(ModelError, match="the manifest promises an input of shape"):
        BlazeFace(msgspec.structs.replace(pack, model=short.model), 0.5)


def test_a_second_output_needs_its_labels(copy: Path) -> None:
    _change(copy, second_labels=["a", "b"])
    with pytest.raises(ModelError, match="names 8 and 2 labels"):
        load_pack(copy).open()


def test_a_model_whose_steps_are_no_numbers_is_refused(tmp_path: Path) -> None:
    shutil.copy(MODELS / "speech.json", tmp_path)
    model = (MODELS / "speech.tflite").read_bytes()
    scale = np.float32(load_pack(MODELS / "speech.json").open().outputs[0].scale).tobytes()
    assert model.count(scale) == 1
    broken = model.replace(scale, np.float32(np.nan).tobytes())
    (tmp_path / "speech.tflite").write_bytes(broken)
    _change(tmp_path / "speech.json", sha256=hashlib.sha256(broken).hexdigest())
    with pytest.raises(ModelError, match="nan"):
        load_pack(tmp_path / "speech.json").open()
