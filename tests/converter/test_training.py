"""Training the face network: two heads, teachers, initial weights, resuming."""

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

from converter.datasets.samples import Samples
from converter.datasets.splits import SecondLabels, Splits
from converter.measuring.cost import cost, latencies_ms
from converter.measuring.evaluate import evaluate_pack, predict_all
from converter.measuring.metrics import majority_scores
from converter.measuring.report import Evaluation, write_report
from converter.networks import face
from converter.networks.weights import MODEL, load_initial_weights
from converter.packing.build import build_pack
from converter.packing.quantize import convert_float32, exported
from converter.plots import CURVES
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.training import train as training
from converter.training.batches import Batches
from converter.training.runs import CHECKPOINT, Plan, load_run
from edge.errors import EmotiondError
from edge.perception.features import Pixels
from edge.perception.manifest import ImageInput, InputSpec
from edge.perception.pack import load_pack
from tests.converter.command_line import convert

SHORT = Schedule(epochs=2, batch_size=64, learning_rate=1e-3, patience=2)
SECOND = SecondLabels("FER2013", "PublicTest", ("dark", "bright"))
SMALL: dict[str, Any] = {"side": 32, "width": 0.25}
SMALLEST: dict[str, Any] = {"side": 32, "width": 0.1}


class LinearFaceTask(FaceTask):
    """With a network of one layer, which trains quickly."""

    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        assert isinstance(spec, ImageInput)
        inputs = keras.Input(spec.shape)
        heads = {"logits": len(self.labels), "second": second_labels}
        flat = keras.layers.Flatten()(inputs)
        return keras.Model(
            inputs, [keras.layers.Dense(n, name=name)(flat) for name, n in heads.items()]
        )


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
    targets[0] = 0  # of one picture only the second labelling says something
    pictures = [_picture(rng, bool(one)) for one in bright]
    second = np.eye(2, dtype=np.float32)[bright.astype(int)]
    names = tuple(f"{seed}/{index}" for index in range(count))
    return Samples(tuple(FaceTask.label_map), pictures, targets, names, second)


@pytest.fixture(scope="module")
def splits() -> Splits:
    train, held_back, test = (_samples(count, seed) for seed, count in enumerate((64, 24, 24)))
    return Splits("discs", train, held_back, test, "train", "valid", "none", second=SECOND)


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
    assert [tuple(output.shape) for output in model.outputs] == [(None, 8), (None, 2)]
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
    one_headed = replace(splits, second=None)
    with pytest.raises(EmotiondError, match="has different labels from the student"):
        train(FaceTask(**SMALLEST), one_headed, tmp_path, Plan(SHORT, teachers=(run,)))


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
        losses = [float(row["val_logits_loss"]) for row in csv.DictReader(lines)]
    assert losses[-1] > 1.1 * min(losses)
    model, spec = load_run(tmp_path)
    features, targets = Batches(FaceTask(), splits.held_back.labelled, spec, 64)[0]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert float(loss(targets[0], model(features)[0])) == pytest.approx(losses[-1], rel=0.02)


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


def test_a_pytorch_file_that_is_not_a_state_dict_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is large")
    torch.save({"epoch": 3, "state_dict": {}}, tmp_path / "checkpoint.pth")
    with pytest.raises(EmotiondError, match="expected a state dict"):
        load_initial_weights(face.build((48, 48, 1), 8), tmp_path / "checkpoint.pth")


def test_the_weights_of_torchvision_fit_every_layer_but_the_heads(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is large")
    network = face.build((48, 48, 1), 8, 7, size="large")
    state: dict[str, Any] = {}
    for layer in network.layers:
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if isinstance(layer, keras.layers.BatchNormalization):
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{layer.name}.{part}"] = torch.full(shapes[0], 2.0)
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            state[f"{layer.name}.weight"] = torch.rand(shapes[0][2], 1, *shapes[0][:2])
        elif isinstance(layer, keras.layers.Conv2D):
            colours = 3 if shapes[0][2] == 1 else shapes[0][2]
            state[f"{layer.name}.weight"] = torch.rand(shapes[0][3], colours, *shapes[0][:2])
    torch.save(state, tmp_path / "weights.pth")
    convolutions = 52
    assert load_initial_weights(network, tmp_path / "weights.pth") == 2 * convolutions
    kernel = state["features.0.0.weight"].numpy().sum(axis=1)
    (found,) = network.get_layer("features_0_0").get_weights()
    assert np.allclose(found[:, :, 0, :], kernel.transpose(1, 2, 0))


@pytest.fixture(scope="module")
def made(run: Path, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a pack that was made of `run`."""
    return build_pack(FaceTask(), splits, run, tmp_path_factory.mktemp("models"))


def _copy(made: Path, folder: Path) -> Path:
    for file in (made, made.with_suffix(".tflite")):
        shutil.copy(file, folder)
    return folder / made.name


@pytest.mark.slow
def test_a_pack_with_two_heads_is_measured_by_both_labellings_and_reported(
    run: Path, made: Path, splits: Splits, tmp_path: Path
) -> None:
    task, manifest = FaceTask(), _copy(made, tmp_path)
    assert load_pack(manifest).manifest.second_labels == SECOND.labels
    evaluated = evaluate_pack(task, splits, manifest, run)
    found = {(m.dataset, m.split, m.metric, m.of): m for m in evaluated.metrics}
    for form in ("int8", "float32"):
        assert found["discs", "valid", "accuracy", form].n == 23
        assert found["FER2013", "PublicTest", "second_accuracy", form].n == 24
        assert ("discs", "valid", "ece_uncalibrated", form) in found
    pack = load_pack(manifest)
    measured = Evaluation(predict_all(task, splits, pack, run))
    page = write_report(task, splits, measured, pack, run, tmp_path / "reports")
    text = page.read_text()
    percent = f"{found['discs', 'valid', 'accuracy', 'int8'].value:.1%}"
    assert f"| accuracy | {percent} |" in text
    assert "accuracy by FER2013's labels (PublicTest, 24 samples)" in text
    assert "DEPTHWISE_CONV_2D" in text
    for kind in ("classes", "confusion", "reliability", "curves"):
        assert f"face-{kind}.png" in text
        assert cv2.imread(str(page.parent / f"face-{kind}.png")) is not None


@pytest.mark.slow
def test_another_runs_float32_model_is_not_taken_for_the_packs_own(
    run: Path, made: Path, splits: Splits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(run / "float32.tflite", tmp_path)
    (tmp_path / "float32.json").write_text(json.dumps({"int8_sha256": "0" * 64}))
    answers = predict_all(FaceTask(), splits, load_pack(made), tmp_path)
    assert [one.variant for one in answers] == ["int8"]
    assert "is not the run that" in capsys.readouterr().out


@pytest.mark.slow
def test_figures_of_two_labellings_of_one_data_set_do_not_collide(
    made: Path, splits: Splits, tmp_path: Path
) -> None:
    same = replace(splits, second=replace(SECOND, dataset="discs", test_split="valid"))
    manifest = _copy(made, tmp_path)
    for _ in range(2):
        found = evaluate_pack(FaceTask(), same, manifest, tmp_path).metrics
    names = [(one.split, one.metric) for one in found]
    assert names.count(("valid", "accuracy")) == names.count(("valid", "second_accuracy")) == 1


@pytest.mark.slow
def test_a_run_with_two_heads_needs_data_with_two_labellings(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(EmotiondError, match="has a second head, and discs has no second labels"):
        build_pack(FaceTask(), replace(splits, second=None), run, tmp_path)


def test_averages_are_over_the_labels_that_occur() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    samples = Samples(("a", "b", "c"), [0, 1, 2, 3], targets, ("",) * 4)
    answers = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
    assert majority_scores(answers, samples)["uar"] == pytest.approx(0.75)


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
    with exported(keras.Model(inputs, keras.layers.Dense(5)(x))) as folder:
        model = convert_float32(folder)
    found = cost(model)
    assert found.macs == 8 * 8 * 4 * 27 + 8 * 8 * 4 * 9 + 4 * 5
    assert found.operators["DEPTHWISE_CONV_2D"] == 1
    assert found.size_bytes == len(model)
    assert latencies_ms([model])[0] > 0


def test_the_network_has_the_size_that_was_asked_for() -> None:
    small = face.build((48, 48, 1), 8, 7)
    assert small.count_params() < 600_000 < face.build((48, 48, 1), 8, size="large").count_params()
    half = face.build((48, 48, 1), 8, width=0.5)
    assert half.count_params() < small.count_params() / 3
    # The stem halves a large picture, and not a small one.
    for side, inner in ((48, 48), (96, 48)):
        stem = face.build((side, side, 1), 8).get_layer("features_0_0")
        assert stem.output.shape[1] == inner


def test_an_option_of_another_network_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(monkeypatch, "train", "text", "--data", "x", "--side", "9") == 1
    assert "--side does not apply to text" in capsys.readouterr().err


def test_the_manifest_of_the_face_model_that_ships_names_its_second_labels() -> None:
    manifest = json.loads((Path("models") / "face.json").read_text())
    assert len(manifest["second_labels"]) == 7
