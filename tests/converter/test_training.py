"""Training the face network: two heads, teachers, weights to begin from, resuming."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from converter import train as training
from converter.build import build_pack
from converter.cost import cost, latencies_ms
from converter.evaluate import evaluate_pack
from converter.networks import face
from converter.networks.weights import start_from
from converter.quantize import keep_float
from converter.report import write_report
from converter.samples import Samples, SecondLabels, Splits
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.train import Plan, load_run, train
from edge.errors import EmotiondError
from edge.perception.features import Pixels
from edge.perception.pack import ImageInput, load_pack

SHORT = Schedule(epochs=2, batch_size=8, learning_rate=1e-3, patience=2)
SECOND = SecondLabels("FER2013", "PublicTest", ("dark", "bright"))
SMALLEST: dict[str, Any] = {"side": 32, "width": 0.25}


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
    """A short run of the smallest large network."""
    folder = tmp_path_factory.mktemp("runs") / "teacher"
    train(FaceTask(size="large", **SMALLEST), splits, folder, Plan(SHORT))
    return folder


def _epochs(run: Path) -> list[int]:
    with (run / training.CURVES).open(newline="") as lines:
        return [int(row["epoch"]) for row in csv.DictReader(lines)]


def test_a_run_has_model_input_curves_and_their_picture(run: Path) -> None:
    model, spec = load_run(run)
    assert isinstance(spec, ImageInput)
    assert spec.shape == (32, 32, 1)
    assert [tuple(output.shape) for output in model.outputs] == [(None, 8), (None, 2)]
    assert _epochs(run) == [0, 1]
    plot = cv2.imread(str(run / "curves.png"))
    assert plot is not None
    assert plot.std() > 10
    assert not (run / training.CHECKPOINT).exists()


def test_a_student_begins_from_weights_and_learns_from_its_teacher(
    run: Path, splits: Splits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(SHORT, weights=run / training.MODEL, teachers=(run, run))
    train(FaceTask(**SMALLEST), splits, tmp_path / "student", plan)
    assert "layers begin from" in capsys.readouterr().out
    assert load_run(tmp_path / "student")[0].count_params() < load_run(run)[0].count_params() / 2


def test_a_teacher_that_sees_another_input_is_refused(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(EmotiondError, match="takes another input than the student"):
        train(FaceTask(width=0.25), splits, tmp_path, Plan(SHORT, teachers=(run,)))


def test_an_interrupted_run_goes_on_where_it_stopped(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(epochs=4, batch_size=8, learning_rate=1e-3, patience=4)

    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    class Steps(keras.callbacks.Callback):
        begun = -1

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.begun < 0:
                self.begun = int(self.model.optimizer.iterations)

    callbacks, steps = training._callbacks, Steps()
    with monkeypatch.context() as patch:
        patch.setattr(training, "_callbacks", lambda *given: [*callbacks(*given), PowerCut()])
        with pytest.raises(KeyboardInterrupt):
            train(FaceTask(**SMALLEST), splits, tmp_path, Plan(schedule))
    with pytest.raises(EmotiondError, match="no finished training run"):
        load_run(tmp_path)
    monkeypatch.setattr(training, "_callbacks", lambda *given: [*callbacks(*given), steps])
    train(FaceTask(**SMALLEST), splits, tmp_path, Plan(schedule, resume=True))
    assert _epochs(tmp_path) == [0, 1, 2, 3]
    assert steps.begun == 2 * 64 // 8
    load_run(tmp_path)


def test_training_stops_when_held_back_data_gains_no_more(splits: Splits, tmp_path: Path) -> None:
    still = Schedule(epochs=30, batch_size=32, learning_rate=1e-30, patience=2)
    train(FaceTask(**SMALLEST), splits, tmp_path, Plan(still))
    assert len(_epochs(tmp_path)) < 30


def test_training_that_diverges_is_said(splits: Splits, tmp_path: Path) -> None:
    blank = np.full_like(splits.train.targets, np.nan)
    poisoned = replace(splits, train=replace(splits.train, targets=blank))
    with pytest.raises(EmotiondError, match=r"the loss is not a number .* learning rate"):
        train(FaceTask(**SMALLEST), poisoned, tmp_path, Plan(SHORT))


def test_weights_that_fit_no_layer_are_refused(run: Path, tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(8, name="logits")(inputs))
    with pytest.raises(EmotiondError, match="none of its weights has the name and shape"):
        start_from(other, run / training.MODEL)
    with pytest.raises(EmotiondError, match="no such file"):
        start_from(other, tmp_path / "missing.keras")
    (tmp_path / "rubbish.keras").write_bytes(b"rubbish")
    with pytest.raises(EmotiondError, match="not a Keras model"):
        start_from(other, tmp_path / "rubbish.keras")


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
    assert start_from(network, tmp_path / "weights.pth") == 2 * convolutions
    kernel = state["features.0.0.weight"].numpy().sum(axis=1)
    (found,) = network.get_layer("features.0.0").get_weights()
    assert np.allclose(found[:, :, 0, :], kernel.transpose(1, 2, 0))


def test_a_pack_with_two_heads_is_measured_by_both_labellings_and_reported(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    task = FaceTask()
    manifest = build_pack(task, splits, run, tmp_path)
    pack = load_pack(manifest)
    assert pack.manifest.second_labels == SECOND.labels
    evaluated = evaluate_pack(task, splits, manifest, run)
    found = {(m.dataset, m.split, m.metric, m.of): m for m in evaluated.metrics}
    for form in ("int8", "float32"):
        assert found["discs", "valid", "accuracy", form].n == 23
        assert found["FER2013", "PublicTest", "accuracy", form].n == 24
        assert ("discs", "valid", "ece_uncalibrated", form) in found
    page = write_report(task, splits, load_pack(manifest), run, tmp_path / "reports")
    text = page.read_text()
    percent = f"{found['discs', 'valid', 'accuracy', 'int8'].value:.1%}"
    assert f"| accuracy | {percent} |" in text
    assert "accuracy by FER2013's labels (PublicTest, 24 samples)" in text
    assert "DEPTHWISE_CONV_2D" in text
    for kind in ("classes", "confusion", "reliability", "curves"):
        assert f"face-{kind}.png" in text
        assert cv2.imread(str(page.parent / f"face-{kind}.png")) is not None


def test_weights_that_are_not_numbers_make_no_pack(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    broken = tmp_path / "run"
    broken.mkdir()
    model, _ = load_run(run)
    layer = model.get_layer("logits")
    layer.set_weights([np.full_like(one, np.nan) for one in layer.get_weights()])
    model.save(broken / training.MODEL)
    (broken / training.INPUT).write_bytes((run / training.INPUT).read_bytes())
    with pytest.raises(EmotiondError, match="logits has weights that are not numbers"):
        build_pack(FaceTask(), splits, broken, tmp_path)
    assert not (tmp_path / "face.tflite").exists()


def test_the_cost_of_a_model_is_counted() -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keep_float(keras.Model(inputs, keras.layers.Dense(5)(x)))
    found = cost(model)
    assert found.macs == 8 * 8 * 4 * 27 + 8 * 8 * 4 * 9 + 4 * 5
    assert found.operators["DEPTHWISE_CONV_2D"] == 1
    assert found.size_bytes == len(model)
    assert 0 < latencies_ms([model])[0] < 100


def test_the_network_has_the_size_that_was_asked_for() -> None:
    small = face.build((48, 48, 1), 8, 7)
    assert small.count_params() < 600_000 < face.build((48, 48, 1), 8, size="large").count_params()
    half = face.build((48, 48, 1), 8, width=0.5)
    assert half.count_params() < small.count_params() / 3
    # A large picture is halved at the entrance, a small one is not.
    for side, inner in ((48, 48), (96, 48)):
        stem = face.build((side, side, 1), 8).get_layer("features.0.0")
        assert stem.output.shape[1] == inner


def test_an_option_of_another_network_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "converter.cli", "train", "text", "--data", "x", "--side", "9"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the text network has no --side" in done.stderr


def test_the_manifest_of_the_face_model_that_ships_names_its_second_labels() -> None:
    manifest = json.loads((Path("models") / "face.json").read_text())
    assert len(manifest["second_labels"]) == 7
