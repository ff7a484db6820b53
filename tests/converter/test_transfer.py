"""Fine-tuning a pack on a few samples."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from converter import steps
from converter.networks import face, speech
from converter.networks.freezing import freeze_body
from converter.networks.pack_weights import weights_of_pack
from converter.networks.weights import load_initial_weights
from converter.options import FaceTraining
from converter.tasks.base import Schedule
from converter.tasks.face import FaceTask
from converter.training.batches import Batches
from edge.errors import EmotiondError
from edge.perception.features import image_features
from edge.perception.manifest import ImageInput
from edge.perception.pack import load_pack
from edge.resources import MODELS
from tests.converter.command_line import convert
from tests.converter.face_trees import load, own_set, picture

FACE, SPEECH = (MODELS / f"{name}.tflite" for name in ("face", "speech"))
ONE_EPOCH = ("--epochs", "1", "--batch-size", "4")


def _answers(network: keras.Model, file: Path, features: np.ndarray) -> tuple[np.ndarray, ...]:
    """The logits of a network that starts from a pack, and those of the pack."""
    pack = load_pack(file.with_suffix(".json"))
    load_initial_weights(network, file, pack.manifest.labels)
    device = pack.open()
    own = np.asarray(network(features, training=False))
    return own, np.stack([device.run(one)[0] for one in features])


def test_a_face_network_starts_with_the_answers_of_its_pack() -> None:
    spec = load_pack(MODELS / "face.json").manifest.input
    assert isinstance(spec, ImageInput)
    smooth = np.asarray(cv2.GaussianBlur(picture(96), (0, 0), 9), np.uint8)
    pictures = np.stack([image_features(smooth, spec)])
    own, expected = _answers(face.build(spec.shape, 8), FACE, pictures)
    assert own == pytest.approx(expected, abs=0.35)


def test_a_speech_network_starts_with_the_answers_of_its_pack() -> None:
    voices = np.random.default_rng(0).normal(0, 1, (4, 186, 40)).astype(np.float32)
    own, expected = _answers(speech.build((186, 40), 8), SPEECH, voices)
    assert np.corrcoef(own.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_label_that_the_pack_does_not_know_starts_from_zero() -> None:
    pack, network = load_pack(MODELS / "face.json"), face.build((96, 96, 1), 3)
    kernel, bias = weights_of_pack(network, pack, ("engaged", "neutral", "surprise"))["logits"]
    assert not kernel[:, 0].any()
    assert not bias[0]
    known, _ = weights_of_pack(face.build((96, 96, 1), 8), pack, pack.manifest.labels)["logits"]
    assert np.array_equal(kernel[:, 1:], known[:, [0, 2]])


@pytest.mark.parametrize(
    ("network", "remedy"),
    [
        (lambda: face.build((96, 96, 1), 8, width=0.5), "such as --width"),
        (lambda: face.build((96, 96, 1), 8, size="large"), "--network or --size"),
    ],
)
def test_a_pack_of_another_network_is_refused(network: object, remedy: str) -> None:
    assert callable(network)
    with pytest.raises(EmotiondError, match=remedy):
        load_initial_weights(network(), FACE)


def test_a_small_set_is_seen_several_times_in_an_epoch(tmp_path: Path) -> None:
    samples = FaceTask().load([own_set(tmp_path, "happy", "sad", of_each=3)]).train
    schedule = Schedule(epochs=1, batch_size=4, learning_rate=1e-3, patience=1, least_batches=3)
    task = FaceTask(side=32)
    batches = Batches(task, samples, task.input_spec(samples), schedule, seed=0)
    assert len(batches) == 3
    assert sum(len(batches[index][1]) for index in range(3)) == 12
    shown = sum(batches[index][1].sum(axis=0) for index in range(3))
    assert sorted(shown.tolist())[-2:] == [6, 6]


def test_the_last_layers_learn_and_the_others_stay() -> None:
    def learning(trained: int | None, samples: int = 100) -> list[str]:
        network = face.build((32, 32, 1), 3, width=0.25)
        freeze_body(network, trained, samples)
        return [one.name for one in network.layers if one.trainable and hasattr(one, "kernel")]

    assert learning(3) == ["conv_dw_8", "conv_pw_8", "logits"]
    assert learning(None) == learning(99)
    assert len(learning(None)) == len(learning(3, samples=5000)) == 18


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("models/none", {}, "no pack there; give the path of one, such as models/face"),
        ("speech", {}, "it is a speech model; face was asked for"),
        ("face", {"side": 48}, "--side and --from exclude each other"),
        ("face", {"weights": "a.keras"}, "--weights and --from exclude each other"),
    ],
)
def test_a_start_that_cannot_be_is_refused(
    tmp_path: Path, given: str, options: dict[str, object], message: str
) -> None:
    splits = load(own_set(tmp_path / "mine", "happy", "sad", of_each=2))
    wanted = FaceTraining(start=given, **options)  # type: ignore[arg-type]
    with pytest.raises(EmotiondError, match=message):
        steps.train(FaceTask(), splits, tmp_path / "run", wanted)


def test_a_text_pack_cannot_be_fine_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.csv").write_text(
        "text,label\n" + "".join(f"so good {n},joy\nso bad {n},sadness\n" for n in range(40))
    )
    data = ("--data", tmp_path / "mine.csv")
    assert convert(monkeypatch, "train", "text", *data, "--from", "text") == 1
    assert "a text pack cannot be trained further" in capsys.readouterr().err
