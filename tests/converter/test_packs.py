"""Training that starts from a pack, whose weights are int8."""

from pathlib import Path

import flatbuffers
import keras
import numpy as np
import pytest
from msgspec.structs import replace

from converter.datasets.splits import Splits
from converter.networks.flatbuffer import parse
from converter.networks.statistics import restore_statistics
from converter.networks.weights import load_initial_weights
from converter.packing.quantize import convert_float32, exported
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.tasks.text import TextTask
from converter.training.batches import Batches
from converter.training.runs import Plan, load_run, origin
from converter.training.train import train
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.manifest import TextInput
from edge.perception.pack import load_pack
from edge.perception.text_features import text_features
from edge.resources import MODELS

TEXTS = ("I'm so happy about this!", "I'm not angry.", "My dog died.", "Where is platform 4?")
TEXT = MODELS / "text.tflite"


@pytest.fixture(scope="module")
def started(splits: Splits) -> tuple[keras.Model, Batches]:
    task = TextTask()
    spec = task.input_spec(splits.train)
    model = task.network(spec)
    schedule = replace(task.schedule, batch_size=32)
    batches = Batches(task, task.prepare(splits.train, spec, 0), spec, schedule, seed=0)
    assert load_initial_weights(model, TEXT) == 3
    restore_statistics(model, batches)
    return model, batches


def _untrained() -> keras.Model:
    return TextTask().network(load_pack(TEXT.with_suffix(".json")).manifest.input)


def _answers(text: str) -> tuple[FloatArray, FloatArray]:
    """The features of a text, and the logits of the pack."""
    pack = load_pack(TEXT.with_suffix(".json"))
    assert isinstance(pack.manifest.input, TextInput)
    features = text_features(text, pack.manifest.input)
    return features, pack.open().run(features)[0]


def test_a_network_started_from_a_pack_predicts_the_same(
    started: tuple[keras.Model, Batches],
) -> None:
    for text in TEXTS:
        features, expected = _answers(text)
        answer = np.asarray(started[0](features[None], training=False))[0]
        assert answer.argmax() == expected.argmax(), text
        assert answer == pytest.approx(expected, abs=0.5), text


def _normalisation(model: keras.Model) -> keras.layers.BatchNormalization:
    (norm,) = (one for one in model.layers if isinstance(one, keras.layers.BatchNormalization))
    return norm


def test_batch_normalisation_starts_with_the_statistics_of_the_training_data(
    started: tuple[keras.Model, Batches],
) -> None:
    model, batches = started
    norm = _normalisation(model)
    before = keras.Model(model.input, norm.input)
    values = np.concatenate(
        [keras.ops.convert_to_numpy(before(batches[index][0])) for index in range(len(batches))]
    )
    _, _, mean, variance = norm.get_weights()
    assert mean == pytest.approx(values.mean(axis=0), abs=1e-4)
    assert variance == pytest.approx(values.var(axis=0), abs=1e-4)


def test_a_bias_that_a_layer_has_beside_its_normalisation_is_not_added_twice() -> None:
    network = _untrained()
    hidden, classes = (one for one in network.layers if isinstance(one, keras.layers.Dense))
    x = keras.layers.Dense(hidden.units)(network.input)
    x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
    model = keras.Model(network.input, keras.layers.Dense(classes.units)(x))
    assert load_initial_weights(model, TEXT) == 3
    features, expected = _answers(TEXTS[0])
    answer = np.asarray(model(features[None], training=False))[0]
    assert answer == pytest.approx(expected, abs=0.5)


@pytest.mark.slow
def test_training_continues_from_a_pack_and_records_its_origin(
    splits: Splits, started: tuple[keras.Model, Batches], tmp_path: Path
) -> None:
    slow = Schedule(epochs=1, batch_size=32, learning_rate=1e-9, patience=1)
    train(TextTask(), splits, tmp_path, Plan(slow, weights=TEXT))
    model, _ = load_run(tmp_path)
    features, expected = _answers(TEXTS[0])
    assert np.asarray(model(features[None], training=False))[0].argmax() == expected.argmax()
    now, then = (_normalisation(one).get_weights()[0] for one in (model, started[0]))
    assert now == pytest.approx(then, abs=1e-4)
    manifest = load_pack(TEXT.with_suffix(".json")).manifest
    recorded = origin(tmp_path, splits)
    assert recorded.trained_on == (*splits.trained_on, *manifest.trained_on)
    assert recorded.licence == f"{splits.licence}; {manifest.licence}"


def _without_biases(model: bytes) -> bytes:
    """Writes operators with two inputs, as other converters do."""
    parsed, _ = parse(model)
    for operator in parsed.subgraphs[0].operators:
        operator.inputs = operator.inputs[:2]
    builder = flatbuffers.Builder()
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_pack_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    network = _untrained()
    model = TEXT.read_bytes()
    with exported(network) as folder:
        (tmp_path / "float32.tflite").write_bytes(convert_float32(folder))
    (tmp_path / "biasless.tflite").write_bytes(_without_biases(model))
    (tmp_path / "short.tflite").write_bytes(model[: len(model) // 2])
    (tmp_path / "folder.tflite").mkdir()
    refused = {
        MODELS / "face.tflite": "only a network of dense layers can start from a pack",
        tmp_path / "float32.tflite": r"float32\.tflite: this model does not compute in int8",
        tmp_path / "biasless.tflite": r"biasless\.tflite: this model does not compute in int8",
        tmp_path / "missing.tflite": "initial weights not found",
        tmp_path / "folder.tflite": "initial weights not found",
        tmp_path / "short.tflite": r"short\.tflite",
    }
    for file, reason in refused.items():
        with pytest.raises(EmotiondError, match=reason):
            load_initial_weights(network, file)


def test_a_network_with_other_layers_cannot_start_from_a_pack() -> None:
    """Only the last layer of the pack would fit."""
    spec = load_pack(MODELS / "face.json").manifest.input
    with pytest.raises(EmotiondError, match="only a network of dense layers can start from a pack"):
        load_initial_weights(FaceTask().network(spec), MODELS / "face.tflite")


def test_a_pack_without_its_manifest_is_refused_before_a_run_is_started(
    splits: Splits, tmp_path: Path
) -> None:
    short = Schedule(epochs=1, batch_size=32, learning_rate=1e-3, patience=1)
    plan = Plan(short, weights=tmp_path / "alone.tflite")
    (tmp_path / "alone.tflite").write_bytes(TEXT.read_bytes())
    with pytest.raises(
        EmotiondError, match=r"cannot be read .*, so the training data of alone\.tflite are"
    ):
        train(TextTask(), splits, tmp_path / "run", plan)
    (tmp_path / "alone.json").write_bytes((MODELS / "face.json").read_bytes())
    with pytest.raises(EmotiondError, match=r"not the manifest of alone\.tflite"):
        train(TextTask(), splits, tmp_path / "run", plan)
    assert not (tmp_path / "run").exists()
