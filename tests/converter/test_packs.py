"""Training that begins from a pack, whose weights are int8."""

from pathlib import Path

import keras
import numpy as np
import pytest

from converter.batches import Batches
from converter.networks.packs import restore_statistics
from converter.networks.weights import start_from
from converter.quantize import keep_float
from converter.runs import Plan, load_run, origin
from converter.samples import Splits
from converter.tasks.base import Schedule
from converter.tasks.text import TextTask
from converter.train import train
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.features import text_features
from edge.perception.pack import TextInput, load_pack
from edge.resources import MODELS

TEXTS = ("I'm so happy about this!", "I'm not angry.", "My dog died.", "Where is platform 4?")
TEXT = MODELS / "text.tflite"


@pytest.fixture(scope="module")
def begun(splits: Splits) -> tuple[keras.Model, Batches]:
    task = TextTask()
    spec = task.input_spec(splits.train)
    model = task.network(spec)
    batches = Batches(task, splits.train, spec, 32, seed=0)
    assert start_from(model, TEXT) == 3
    restore_statistics(model, batches)
    return model, batches


def _answers(text: str) -> tuple[FloatArray, FloatArray]:
    """The features of a text, and the logits of the pack."""
    pack = load_pack(TEXT.with_suffix(".json"))
    assert isinstance(pack.manifest.input, TextInput)
    features = text_features(text, pack.manifest.input)
    return features, pack.open().run(features)[0]


def test_a_network_begun_from_a_pack_answers_as_the_pack(
    begun: tuple[keras.Model, Batches],
) -> None:
    for text in TEXTS:
        features, expected = _answers(text)
        answer = np.asarray(begun[0](features[None], training=False))[0]
        assert answer.argmax() == expected.argmax(), text
        assert answer == pytest.approx(expected, abs=0.5), text


def test_batch_normalisation_begins_with_what_training_data_make_of_it(
    begun: tuple[keras.Model, Batches],
) -> None:
    model, batches = begun
    (norm,) = (one for one in model.layers if isinstance(one, keras.layers.BatchNormalization))
    before = keras.Model(model.inputs, norm.input)
    values = np.concatenate([before(batches[index][0]) for index in range(len(batches))])
    _, _, mean, variance = norm.get_weights()
    assert mean == pytest.approx(values.mean(axis=0), abs=1e-4)
    assert variance == pytest.approx(values.var(axis=0), abs=1e-4)


def test_training_goes_on_from_a_pack_and_tells_of_its_data(splits: Splits, tmp_path: Path) -> None:
    slow = Schedule(epochs=1, batch_size=32, learning_rate=1e-9, patience=1)
    train(TextTask(), splits, tmp_path, Plan(slow, weights=TEXT))
    model, _ = load_run(tmp_path)
    features, expected = _answers(TEXTS[0])
    assert np.asarray(model(features[None], training=False))[0].argmax() == expected.argmax()
    manifest = load_pack(TEXT.with_suffix(".json")).manifest
    told = origin(tmp_path, splits)
    assert told.trained_on == (*splits.trained_on, *manifest.trained_on)
    assert told.licence == f"{splits.licence}; {manifest.licence}"


def test_a_pack_that_does_not_fit_is_refused(splits: Splits, tmp_path: Path) -> None:
    short = Schedule(epochs=1, batch_size=32, learning_rate=1e-3, patience=1)

    def begins(file: Path) -> None:
        train(TextTask(), splits, tmp_path / "run", Plan(short, weights=file))

    with pytest.raises(EmotiondError, match="does not have the dense layers of the network"):
        begins(MODELS / "face.tflite")
    task = TextTask()
    (tmp_path / "float32.tflite").write_bytes(
        keep_float(task.network(task.input_spec(splits.train)))
    )
    with pytest.raises(
        EmotiondError, match=r"float32\.tflite: this model does not compute in int8"
    ):
        begins(tmp_path / "float32.tflite")
    with pytest.raises(EmotiondError, match="no such file of weights"):
        begins(tmp_path / "missing.tflite")
    model = TEXT.read_bytes()
    (tmp_path / "short.tflite").write_bytes(model[: len(model) // 2])
    with pytest.raises(EmotiondError, match=r"short\.tflite"):
        begins(tmp_path / "short.tflite")
    (tmp_path / "alone.tflite").write_bytes(model)
    with pytest.raises(
        EmotiondError, match=r"alone\.json: nothing tells what the model beside it learned from"
    ):
        begins(tmp_path / "alone.tflite")
    assert not (tmp_path / "run").exists()
