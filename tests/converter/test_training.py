"""Training the face network: teachers, initial weights, resuming."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from msgspec.structs import replace as replace_fields
from sklearn.metrics import accuracy_score, recall_score

from converter.datasets.priors import label_priors
from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme, Splits
from converter.measuring.cost import cost, latencies_ms
from converter.measuring.evaluate import add_metrics, evaluate_pack, predict_all
from converter.measuring.metrics import accuracy_and_recall, majority_scores
from converter.measuring.report import Evaluation, write_report
from converter.networks import face
from converter.networks.statistics import restore_statistics
from converter.networks.weights import MODEL, load_initial_weights
from converter.packing.build import build_pack
from converter.packing.quantize import convert_float32
from converter.plots import CURVES
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.training import train as training
from converter.training.batches import Batches
from converter.training.losses import loss
from converter.training.runs import CHECKPOINT, Plan, load_run
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.features import Pixels
from edge.perception.manifest import ImageInput, InputSpec, Metric
from edge.perception.pack import load_pack
from tests.converter.command_line import convert

SHORT = Schedule(epochs=2, batch_size=64, learning_rate=1e-3, patience=2)
LABELS = tuple(FaceTask.label_map)
SCHEME = AnnotationScheme("discs", LABELS, "valid")
SMALL: dict[str, Any] = {"side": 32, "width": 0.25}
SMALLEST: dict[str, Any] = {"side": 32, "width": 0.1}


class LinearFaceTask(FaceTask):
    """With a network of one layer, which trains quickly."""

    def build(self, spec: InputSpec) -> keras.Model:
        assert isinstance(spec, ImageInput)
        inputs = keras.Input(spec.shape)
        flat = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, keras.layers.Dense(len(self.labels), name="logits")(flat))


def train(task: FaceTask, splits: Splits, run: Path, plan: Plan) -> None:
    """Runs layer by layer; building the graph of a large network takes longer than a few steps."""
    tf.config.run_functions_eagerly(True)
    try:
        training.train(task, splits, run, plan)
    finally:
        tf.config.run_functions_eagerly(False)


def _picture(rng: np.random.Generator, bright: bool) -> Pixels:
    """A disc before noise: brighter than it or darker."""
    picture = rng.integers(100, 156, (48, 48), np.uint8)
    cv2.circle(picture, (24, 24), 14, 230 if bright else 20, -1)
    return picture


def _samples(count: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    bright = rng.random(count) < 0.5
    targets = np.zeros((count, 8), np.float32)
    targets[np.arange(count), np.where(bright, 1, 0)] = 1
    targets[0] = 0  # annotators did not agree on one picture
    pictures = [_picture(rng, bool(one)) for one in bright]
    return Samples(LABELS, pictures, targets, ("discs",) * count)


@pytest.fixture(scope="module")
def splits() -> Splits:
    train, held_back, test = (_samples(count, seed) for seed, count in enumerate((64, 24, 24)))
    names = ("train",), "valid", "none"
    return Splits(("discs",), train, held_back, test, *names, schemes={"discs": SCHEME})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, splits: Splits) -> Path:
    """A short run of a small network."""
    folder = tmp_path_factory.mktemp("runs") / "teacher"
    train(FaceTask(**SMALL), splits, folder, Plan(SHORT))
    return folder


def _epochs(run: Path) -> list[int]:
    with (run / CURVES).open(newline="") as lines:
        return [int(row["epoch"]) for row in csv.DictReader(lines)]


@pytest.mark.slow
def test_a_run_has_model_input_curves_and_their_picture(run: Path) -> None:
    model, spec = load_run(run)
    assert isinstance(spec, ImageInput)
    assert spec.shape == (32, 32, 1)
    assert model.output_shape == (None, 8)
    assert _epochs(run) == [0, 1]
    plot = cv2.imread(str(run / "curves.png"))
    assert plot is not None
    assert plot.std() > 10
    assert not (run / CHECKPOINT).exists()


@pytest.mark.slow
def test_a_student_starts_from_weights_and_trains_on_its_teachers_predictions(
    run: Path, splits: Splits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(SHORT, weights=run / MODEL, teachers=(run, run))
    train(FaceTask(**SMALLEST), splits, tmp_path / "student", plan)
    assert "layers with weights start from" in capsys.readouterr().out
    assert load_run(tmp_path / "student")[0].count_params() < load_run(run)[0].count_params()


@pytest.mark.slow
def test_a_teacher_with_another_input_is_refused(run: Path, splits: Splits, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="has a different input from the student"):
        train(FaceTask(width=0.1), splits, tmp_path, Plan(SHORT, teachers=(run,)))


@pytest.mark.slow
def test_a_teacher_with_other_labels_is_refused(run: Path, splits: Splits, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    inputs = keras.Input((32, 32, 1))
    few = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(inputs))
    keras.Model(inputs, few).save(other / MODEL)
    with pytest.raises(EmotiondError, match="has different labels from the student"):
        train(FaceTask(**SMALLEST), splits, tmp_path, Plan(SHORT, teachers=(other,)))


@pytest.mark.slow
def test_a_refused_start_leaves_the_old_run_unchanged(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    old = tmp_path / "run"
    shutil.copytree(run, old)
    few = replace(splits, train=splits.train.subset(np.arange(1, 7)))
    for refused, data in (
        (Plan(SHORT, weights=tmp_path / "typo.keras"), splits),
        (Plan(SHORT, teachers=(tmp_path / "typo",)), splits),
        (Plan(SHORT, resume=True), splits),
        (Plan(SHORT), few),
    ):
        with pytest.raises(EmotiondError):
            train(FaceTask(**SMALLEST), data, old, refused)
    load_run(old)
    assert _epochs(old) == [0, 1]


@pytest.mark.slow
def test_training_stops_when_the_held_back_loss_stops_improving(
    splits: Splits, tmp_path: Path
) -> None:
    still = Schedule(epochs=30, batch_size=64, learning_rate=1e-30, patience=2)
    train(LinearFaceTask(side=32), splits, tmp_path, Plan(still))
    assert _epochs(tmp_path) == [0, 1, 2]


@pytest.mark.slow
def test_the_last_epoch_is_kept_if_the_schedule_asks_for_it(splits: Splits, tmp_path: Path) -> None:
    options = {"batch_size": 32, "learning_rate": 0.3, "epochs": 4, "patience": 4}
    schedule = replace_fields(SHORT, keep_last=True, **options)
    train(FaceTask(**SMALLEST), splits, tmp_path, Plan(schedule))
    with (tmp_path / CURVES).open(newline="") as lines:
        losses = [float(row["val_loss"]) for row in csv.DictReader(lines)]
    assert losses[-1] > 1.01 * min(losses)
    model, spec = load_run(tmp_path)
    priors = label_priors(splits.train, splits.schemes)
    batches = Batches(FaceTask(), splits.held_back.labelled, spec, SHORT, priors=priors)
    features, answers = batches[0]
    found = float(np.mean(loss(answers, model(features))))
    assert found == pytest.approx(losses[-1], rel=0.002)


@pytest.mark.slow
def test_diverging_training_is_reported(splits: Splits, tmp_path: Path) -> None:
    wild = Schedule(epochs=2, batch_size=32, learning_rate=1e30, patience=2)
    with pytest.raises(EmotiondError, match=r"the loss is not a number .* learning rate"):
        train(FaceTask(**SMALLEST), splits, tmp_path, Plan(wild))


@pytest.mark.slow
def test_weights_that_fit_no_layer_are_refused(run: Path, tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(8, name="logits")(inputs))
    with pytest.raises(EmotiondError, match="no weights with the name and shape"):
        load_initial_weights(other, run / MODEL)
    with pytest.raises(EmotiondError, match="initial weights not found"):
        load_initial_weights(other, tmp_path / "missing.keras")
    (tmp_path / "rubbish.keras").write_bytes(b"rubbish")
    with pytest.raises(EmotiondError, match="not a Keras model"):
        load_initial_weights(other, tmp_path / "rubbish.keras")


def _graph_model(network: keras.Model, folder: Path) -> tuple[Path, dict[str, FloatArray]]:
    """A file as TensorFlow.js has it, with random weights for each layer but the last."""
    rng, weights = np.random.default_rng(0), {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
            shape = list(layer.kernel.shape)
            if layer.name == "conv1":
                shape[2] = 3
            weights[f"{layer.name}/kernel"] = rng.normal(0, 0.1, shape)
            weights[f"{layer.name}_bn/batchnorm/sub"] = rng.normal(0, 1, layer.output.shape[-1])
            if isinstance(layer, keras.layers.DepthwiseConv2D):
                weights[f"{layer.name}_bn/batchnorm/mul"] = rng.random(layer.output.shape[-1])
    stored = {name: one.astype(np.float16) for name, one in weights.items()}
    described = [
        {"name": name, "shape": one.shape, "dtype": "float32", "quantization": {"dtype": "float16"}}
        for name, one in stored.items()
    ]
    (folder / "weights.bin").write_bytes(b"".join(one.tobytes() for one in stored.values()))
    file = folder / "graph.json"
    file.write_text(
        json.dumps({"weightsManifest": [{"paths": ["weights.bin"], "weights": described}]})
    )
    return file, {name: one.astype(np.float32) for name, one in stored.items()}


def test_a_published_graph_model_sets_every_layer_but_the_last(tmp_path: Path) -> None:
    network = face.build((32, 32, 1), 8)
    file, weights = _graph_model(network, tmp_path)
    convolutions = 1 + 2 * face.BLOCKS_OF_SMALL
    assert load_initial_weights(network, file) == 2 * convolutions
    (kernel,) = network.get_layer("conv1").get_weights()
    assert np.allclose(kernel[:, :, 0], 55 * weights["conv1/kernel"].sum(axis=2), atol=1e-3)
    gamma, beta, mean, variance = network.get_layer("conv_dw_2_bn").get_weights()
    assert np.allclose(gamma, weights["conv_dw_2_bn/batchnorm/mul"])
    assert np.allclose(beta, weights["conv_dw_2_bn/batchnorm/sub"])
    assert np.allclose(gamma / np.sqrt(variance + 1e-3), gamma)
    assert not mean.any()


def test_restored_statistics_change_no_output(tmp_path: Path) -> None:
    network = face.build((32, 32, 1), 8)
    load_initial_weights(network, _graph_model(network, tmp_path)[0])
    pictures = np.random.default_rng(0).normal(0, 1, (16, 32, 32, 1)).astype(np.float32)
    before = network(pictures, training=False)
    restore_statistics(network, [(pictures, None)])
    assert np.allclose(network(pictures, training=False), before, atol=1e-3)
    batch_normalized = network.get_layer("conv1_bn")
    inputs = keras.Model(network.input, batch_normalized.input)(pictures)
    assert np.allclose(batch_normalized.moving_mean, np.mean(inputs, axis=(0, 1, 2)), atol=1e-3)


def test_a_file_that_is_no_graph_model_is_refused(tmp_path: Path) -> None:
    network = face.build((32, 32, 1), 8)
    file, _ = _graph_model(network, tmp_path)
    whole = (tmp_path / "weights.bin").read_bytes()
    (tmp_path / "weights.bin").write_bytes(whole[:1000])
    with pytest.raises(EmotiondError, match="not a graph model of TensorFlow"):
        load_initial_weights(network, file)
    (tmp_path / "weights.bin").write_bytes(whole)
    file.write_text(file.read_text().replace("float16", "uint8"))
    with pytest.raises(EmotiondError, match="is stored as uint8"):
        load_initial_weights(network, file)


@pytest.fixture(scope="module")
def made(run: Path, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a pack that was made of `run`."""
    return build_pack(FaceTask(), splits, run, tmp_path_factory.mktemp("models"))


def _copy(made: Path, folder: Path) -> Path:
    for file in (made, made.with_suffix(".tflite")):
        shutil.copy(file, folder)
    return folder / made.name


@pytest.mark.slow
def test_a_pack_is_measured_in_both_forms_and_reported(
    run: Path, made: Path, splits: Splits, tmp_path: Path
) -> None:
    task, manifest = FaceTask(), _copy(made, tmp_path)
    calibration = load_pack(manifest).manifest
    assert len(calibration.log_prior) in {0, 8}
    assert np.isfinite(calibration.log_prior).all()
    evaluated = evaluate_pack(task, splits, manifest, run)
    found = {(m.dataset, m.split, m.metric, m.of): m for m in evaluated.metrics}
    for form in ("int8", "float32"):
        assert found["discs", "valid", "accuracy", form].n == 23
        assert ("discs", "valid", "ece_uncalibrated", form) in found
    of_folds = Metric("strange", "left out", "accuracy_seven", 0.35, 40)
    add_metrics(evaluated, [of_folds], manifest)
    pack = load_pack(manifest)
    measured = Evaluation(predict_all(task, splits, pack, run))
    page = write_report(task, splits, measured, pack, run, tmp_path / "reports")
    text = page.read_text()
    percent = f"{found['discs', 'valid', 'accuracy', 'int8'].value:.1%}"
    assert f"| accuracy | {percent} |" in text
    assert "| **strange**, left out (40) | 35 |" in text
    assert "DEPTHWISE_CONV_2D" in text
    for kind in ("classes", "confusion", "reliability", "curves"):
        assert f"face-{kind}.png" in text
        assert cv2.imread(str(page.parent / f"face-{kind}.png")) is not None


def test_a_run_for_other_labels_than_those_of_the_data_is_refused(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    task = FaceTask()
    task.label_map = {"engaged": "happy", "bored": None}
    with pytest.raises(EmotiondError, match=r"trained for 8 labels, but the data have 2 \(engaged"):
        build_pack(task, splits, run, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_another_runs_float32_model_is_not_taken_for_the_packs_own(
    run: Path, made: Path, splits: Splits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(run / "float32.tflite", tmp_path)
    (tmp_path / "float32.json").write_text(json.dumps({"int8_sha256": "0" * 64}))
    answers = predict_all(FaceTask(), splits, load_pack(made), tmp_path)
    assert [one.variant for one in answers] == ["int8"]
    assert "is not the run that" in capsys.readouterr().out


def test_averages_are_over_the_labels_that_occur() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    samples = Samples(("a", "b", "c"), [0, 1, 2, 3], targets, ("",) * 4)
    answers = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
    assert majority_scores(answers, samples)["uar"] == pytest.approx(0.75)


def test_accuracy_and_recall_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, guess = rng.choice([0, 2, 5], 200), rng.integers(0, 8, 200)
    recall = recall_score(truth, guess, labels=[0, 2, 5], average="macro")
    expected = (accuracy_score(truth, guess), recall)
    assert accuracy_and_recall(guess, truth) == pytest.approx(expected)


@pytest.mark.slow
def test_weights_that_are_not_numbers_make_no_pack(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    broken = shutil.copytree(run, tmp_path / "run")
    model, _ = load_run(run)
    layer = model.get_layer("logits")
    layer.set_weights([np.full_like(one, np.nan) for one in layer.get_weights()])
    model.save(broken / MODEL)
    with pytest.raises(EmotiondError, match="logits has weights that are not numbers"):
        build_pack(FaceTask(), splits, broken, tmp_path)
    assert not (tmp_path / "face.tflite").exists()


def test_the_cost_of_a_model_is_counted() -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = convert_float32(keras.Model(inputs, keras.layers.Dense(5)(x)))
    found = cost(model)
    assert found.macs == 8 * 8 * 4 * 27 + 8 * 8 * 4 * 9 + 4 * 5
    assert found.operators["DEPTHWISE_CONV_2D"] == 1
    assert found.size_bytes == len(model)
    assert latencies_ms([model])[0] > 0


def test_the_network_has_the_size_that_was_asked_for() -> None:
    small = face.build((64, 64, 1), 8)
    assert small.count_params() < 900_000 < face.build((64, 64, 1), 8, size="large").count_params()
    half = face.build((64, 64, 1), 8, width=0.5)
    assert half.count_params() < small.count_params() / 3


def test_an_option_of_another_network_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(monkeypatch, "train", "text", "--data", "x", "--side", "9") == 1
    assert "--side does not apply to text" in capsys.readouterr().err
