"""From data to a pack, by the commands, on a small made-up set of real layout."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest
import tensorflow as tf

from converter.datasets.priors import label_priors
from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme, Splits
from converter.datasets.texts import LABELS
from converter.measuring.evaluate import SplitPredictions
from converter.measuring.metrics import expected_calibration_error
from converter.networks import face, speech, text
from converter.packing.build import _fit_prior
from converter.packing.calibrate import (
    fit_familiarity,
    fit_prior,
    fit_temperature,
    fit_temperature_across,
    fit_thresholds,
)
from converter.packing.quantize import check_integer, quantize
from converter.tasks.face import FaceTask
from converter.tasks.speech import SpeechTask
from converter.training.losses import accuracy, loss
from edge.emotions import FloatArray, softmax
from edge.errors import EmotiondError
from edge.perception.classifier import Classifier
from edge.perception.interpreter import Interpreter
from edge.perception.pack import load_pack
from edge.resources import MODELS
from tests.converter.command_line import convert

SENTENCES = {
    "anger": "I hate this so much",
    "disgust": "this is gross and disgusting",
    "fear": "I am so scared and afraid",
    "joy": "what a happy wonderful day",
    "neutral": "the table stands in the room",
    "sadness": "I am crying and so lonely",
    "surprise": "wow I never expected that",
}


@pytest.fixture(scope="module")
def goemotions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("goemotions")
    (root / "labels.txt").write_text("\n".join(SENTENCES))
    for name, extras in (("train.tsv", range(40)), ("dev.tsv", range(40, 80))):
        rows = [
            f"{sentence} {extra}\t{label}\tid{label}{extra}"
            for extra in extras
            for label, sentence in enumerate(SENTENCES.values())
        ]
        (root / name).write_text("\n".join(rows))
    return root


@pytest.mark.slow
def test_train_quantize_and_evaluate_make_a_pack_that_the_device_reads(
    tmp_path: Path, goemotions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = (
        ("train", "text", "--data", goemotions, "--epochs", "6", "--batch-size", "32"),
        ("quantize", "text", "--data", goemotions),
        ("evaluate", "text", "--data", goemotions, "--save"),
        ("report", "text", "--data", goemotions),
    )
    for step in steps:
        assert convert(monkeypatch, *step) == 0
    pack = load_pack(tmp_path / "models" / "text.json")
    assert Classifier(pack).manifest.labels == LABELS
    assert 1 <= len(pack.manifest.checks) <= 3
    figures = {(m.split, m.metric): m.value for m in pack.manifest.metrics}
    assert figures["dev", "accuracy"] > 0.9
    page = (tmp_path / "benchmarks" / "reports" / "text.md").read_text()
    assert f"| accuracy | {figures['dev', 'accuracy']:.1%} |" in page
    assert set(pack.manifest.thresholds["GoEmotions Ekman"]) == set(SENTENCES)
    assert (tmp_path / "runs" / "text" / "curves.csv").read_text().count("\n") == 7


@pytest.mark.slow
def test_an_interrupted_run_continues_where_it_stopped(
    tmp_path: Path,
    goemotions: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    epochs = 12
    options = ("--data", goemotions, "--batch-size", "32", "--patience", str(epochs))
    command = ("train", "text", *options, "--epochs", str(epochs))
    curves = tmp_path / "runs" / "text" / "curves.csv"
    cut = subprocess.Popen(
        [sys.executable, "-m", "converter.cli", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + 120
    while not curves.exists() or curves.read_text().count("\n") < 3:
        assert time.monotonic() < deadline_s
        assert cut.poll() is None
        time.sleep(0.05)
    cut.kill()
    cut.wait()
    assert convert(monkeypatch, "quantize", "text", "--data", goemotions) == 1
    assert "not a finished training run" in capsys.readouterr().err
    assert convert(monkeypatch, "train", "text", *options, "--epochs", "7", "--resume") == 1
    assert "was started with other settings: schedule" in capsys.readouterr().err
    assert convert(monkeypatch, *command, "--resume") == 0
    printed = capsys.readouterr().out
    assert "Epoch 1/" not in printed
    assert f"Epoch {epochs}/{epochs}" in printed
    rows = [int(row.split(",")[0]) for row in curves.read_text().splitlines()[1:]]
    assert rows == sorted(set(rows))
    assert (rows[0], rows[-1]) == (0, epochs - 1)
    assert (tmp_path / "runs" / "text" / "input.json").exists()


def test_a_missing_run_is_reported(
    tmp_path: Path,
    goemotions: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert convert(monkeypatch, "quantize", "text", "--data", goemotions) == 1
    assert "not a finished training run" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "shape", "classes"),
    [(face.build, (48, 48, 1), 8), (speech.build, (186, 40), 8), (text.build, 256, 7)],
    ids=["face", "speech", "text"],
)
def test_every_network_quantizes_to_integers_and_answers_alike(
    build: Callable[..., keras.Model], shape: object, classes: int
) -> None:
    network = build(shape, classes)
    size = (64, *network.input_shape[1:])
    samples = np.random.default_rng(0).normal(0, 1, size).astype(np.float32)
    interpreter = Interpreter(quantize(network, samples), "model")
    assert interpreter.input.dtype is np.int8
    assert interpreter.outputs[0].dtype is np.int8
    exact = network.predict(samples, verbose=0)
    approximate = np.stack([interpreter.run(sample)[0] for sample in samples])
    assert np.corrcoef(exact.ravel(), approximate.ravel())[0, 1] > 0.97


def test_a_model_with_a_float_operator_is_refused() -> None:
    with pytest.raises(EmotiondError, match="did not quantize to int8"):
        check_integer((MODELS / "detector-short.tflite").read_bytes())


def test_the_packs_of_face_and_speech_compute_in_integers_throughout() -> None:
    for name in ("face", "speech"):
        check_integer((MODELS / f"{name}.tflite").read_bytes())


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    truth = np.array([rng.choice(7, p=p / p.sum()) for p in softmax(logits).astype(np.float64)])
    targets = np.eye(7, dtype=np.float32)[truth]
    overconfident = logits * 3
    temperature = fit_temperature(overconfident, targets)
    assert temperature == pytest.approx(3.0, rel=0.1)
    before = expected_calibration_error(softmax(overconfident), truth)
    after = expected_calibration_error(softmax(overconfident, temperature), truth)
    assert after < 0.03 < before


def _schemes(samples: Samples) -> dict[str, AnnotationScheme]:
    """Every data set has all labels."""
    return {one: AnnotationScheme(one, samples.labels, "test") for one in set(samples.groups)}


def test_a_small_set_that_the_model_does_not_know_does_not_decide_the_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 6, (2000, 4)).astype(np.float32)
    truth = logits.argmax(axis=1)
    truth[1800:] = rng.integers(0, 4, 200)
    targets = np.eye(4, dtype=np.float32)[truth]
    targets[:90] = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 90)]
    groups = ("known",) * 1800 + ("strange",) * 200
    known, strange = (
        fit_temperature(logits[rows], targets[rows]) for rows in (slice(1800), slice(1800, None))
    )
    samples = Samples(tuple("abcd"), list(range(2000)), targets, groups)
    across = fit_temperature_across(logits, samples, _schemes(samples))
    assert across == pytest.approx(known**0.9 * strange**0.1, rel=1e-3)
    assert across < fit_temperature(logits, targets)


def test_the_share_of_the_prior_is_the_one_that_answers_best_in_every_set() -> None:
    rng = np.random.default_rng(0)
    prior = np.array([0.9, 0.1], np.float32)
    truth = (rng.random(20_000) < prior[1]).astype(np.intp)
    evidence = rng.normal(np.where(truth, 1.0, -1.0), 1.0)
    balanced = np.stack([-evidence, evidence], axis=1).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[truth]
    samples = Samples(("a", "b"), list(truth), targets, ("one",) * 20_000)
    none, schemes = np.zeros(2, np.float32), _schemes(samples)
    added = fit_prior(balanced, samples, schemes, np.log(prior), none)
    share = added[1] / np.log(prior[1])
    assert 0 < share <= 1

    def found(added: FloatArray) -> float:
        right = (balanced + added).argmax(axis=1) == truth
        return float(right.mean() + (right[truth == 0].mean() + right[truth == 1].mean()) / 2)

    assert found(added) >= max(found(none), found(np.log(prior)))
    # Nobody knows how frequent neutral is, so it has odds of its own.
    neutral = np.array([1, 0], np.float32)
    assert found(fit_prior(balanced, samples, schemes, none, neutral)) >= found(none)
    unsure = fit_prior(balanced - neutral, samples, schemes, none, neutral)
    assert unsure[0] == pytest.approx(0.3)
    # Another set, where both are equally frequent, wants no prior.
    even = rng.integers(0, 2, 20_000)
    other = rng.normal(np.where(even, 1.0, -1.0), 1.0)
    logits = np.concatenate([balanced, np.stack([-other, other], axis=1).astype(np.float32)])
    both = np.concatenate([targets, np.eye(2, dtype=np.float32)[even]])
    groups = ("one",) * 20_000 + ("even",) * 20_000
    joined = Samples(("a", "b"), list(range(40_000)), both, groups)
    assert fit_prior(logits, joined, _schemes(joined), np.log(prior), none)[1] > added[1]


def test_a_label_that_the_annotators_include_in_another_counts_as_that_one() -> None:
    labels = ("neutral", "calm", "happy")
    scheme = AnnotationScheme("one", ("neutral", "happy"), "test", {"neutral": ("calm",)})
    shared = scheme.spread(np.array([[1, 0, 0], [0, 0, 1]], np.float32), labels)
    assert shared.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    merged = scheme.merged(np.array([[0.25, 0.5, 0.25]], np.float32), labels)
    assert merged.tolist() == [[0.75, 0.0, 0.25]]
    # Calm voices answer neutral ones rightly, so that they do not flatten the confidence.
    logits = np.tile(np.array([[0, 3, 0], [0, 0, 3]], np.float32), (50, 1))
    samples = Samples(labels, list(range(100)), np.tile(np.eye(3)[[0, 2]], (50, 1)), ("one",) * 100)
    assert fit_temperature_across(logits, samples, {"one": scheme}) < 0.3
    assert fit_temperature_across(logits, samples, _schemes(samples)) > 1


def test_thresholds_separate_what_can_be_separated() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.6]], np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    samples = Samples(("a", "b"), list("wxyz"), targets, ("x", "x", "x", "x"))
    thresholds = fit_thresholds(
        probabilities, samples, {"x": AnnotationScheme("x", ("a", "b"), "dev")}
    )
    assert 0.3 < thresholds["x"]["a"] <= 0.8
    assert 0.2 < thresholds["x"]["b"] <= 0.6


def test_a_data_set_has_thresholds_between_its_own_and_those_of_its_family() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]], np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    samples = Samples(("a", "b"), list("wxyz"), targets, ("one", "two en", "two fi", "two fi"))
    schemes = {
        "one": AnnotationScheme("one", ("a", "b"), "dev"),
        "two en": AnnotationScheme("two", ("a",), "dev"),
        "two fi": AnnotationScheme("two", ("a",), "dev"),
    }
    thresholds = fit_thresholds(probabilities, samples, schemes)
    assert thresholds["one"] == {"a": pytest.approx(0.9, abs=1e-3), "b": 1}
    assert thresholds["two en"] == {"a": pytest.approx(0.2, abs=1e-3)}
    assert thresholds["two fi"] == {"a": pytest.approx((0.4 * 0.2) ** 0.5, abs=1e-3)}


def test_figures_of_several_labels_are_means_over_languages() -> None:
    labels = ("anger", "joy")
    targets = np.array([[1, 0], [0.5, 0.5], [0, 1], [0, 1]], np.float32)
    samples = Samples(labels, list("wxyz"), targets, ("two en", "two en", "two fi", "two fi"))
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7], [0.8, 0.2]], np.float32)
    schemes = {
        "two en": AnnotationScheme("two", labels, "dev"),
        "two fi": AnnotationScheme("two", ("joy",), "dev"),
    }
    answers = SplitPredictions(
        "int8", "all", "dev", samples, probabilities, probabilities, schemes=schemes
    )
    manifest = msgspec.structs.replace(
        load_pack(MODELS / "text.json").manifest,
        labels=labels,
        label_map={"anger": "angry", "joy": "happy"},
        thresholds={name: {"anger": 0.4, "joy": 0.4} for name in schemes},
    )
    (family,) = answers.families
    found = {(one.dataset, one.metric): one for one in family.metrics(manifest)}
    assert found["two en", "macro_f1_multilabel"].value == 1
    assert found["two fi", "macro_f1_multilabel"].value == pytest.approx(2 / 3, abs=1e-4)
    assert found["two fi", "macro_f1_multilabel"].n == 2
    assert ("two fi", "f1_multilabel_anger") not in found
    assert found["two", "macro_f1_multilabel"].value == pytest.approx(5 / 6, abs=1e-4)
    assert found["two", "accuracy"].n == 4


def test_a_row_of_zeros_has_no_gradient() -> None:
    targets = np.array([[0.5, 0.5, 0], [0, 0, 0]], np.float32)
    logits = tf.Variable(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], np.float32))
    with tf.GradientTape() as tape:
        found = loss(tf.constant(targets), logits, smoothing=0.1)
    reference = keras.losses.categorical_crossentropy(targets, logits, True, 0.1)
    assert float(found[0]) == pytest.approx(float(reference[0]), abs=1e-5)
    gradient = tape.gradient(found, logits).numpy()
    assert gradient[0].any()
    assert not gradient[1].any()


def test_a_label_that_annotators_could_not_choose_takes_no_part_in_the_loss() -> None:
    priors = np.array([[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]], np.float32)
    answers = np.stack([np.array([[0, 1, 0], [0, 1, 0]], np.float32), priors], axis=1)
    logits = tf.Variable(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], np.float32))
    with tf.GradientTape() as tape:
        found = loss(tf.constant(answers), logits)
    assert found.numpy() == pytest.approx([np.log(1 + np.exp(-1)), 1.4076], abs=1e-4)
    gradient = tape.gradient(found, logits).numpy()
    assert gradient[0, 2] == pytest.approx(0, abs=1e-6)
    assert gradient[1, 2] > 0
    assert accuracy(tf.constant(answers), logits).numpy().tolist() == [1, 0]


def test_a_frequent_label_needs_less_evidence_in_training() -> None:
    prior = np.array([[0.9, 0.1]], np.float32)
    logits = tf.zeros((1, 2))
    losses = [
        float(loss(tf.constant(np.stack([target, prior], axis=1)), logits)[0])
        for target in (np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32))
    ]
    assert losses == pytest.approx([-np.log(0.9), -np.log(0.1)], abs=1e-4)


def test_label_priors_are_the_shares_of_each_set_among_its_own_labels() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2, 2]]
    samples = Samples(("a", "b", "c"), list(range(6)), targets, ("one",) * 4 + ("two",) * 2)
    schemes = {
        "one": AnnotationScheme("one", ("a", "b"), "test"),
        "two": AnnotationScheme("two", ("a", "b", "c"), "test"),
    }
    found = label_priors(samples, schemes)
    assert found["one"] == pytest.approx([0.75, 0.25, 0])
    assert found["two"] == pytest.approx([1e-4, 1e-4, 1], abs=1e-3)
    assert found["two"][0] > 0
    bounded = label_priors(samples, schemes, absent=0.25)
    assert bounded["one"] == pytest.approx([0.6, 0.2, 0.2])
    assert bounded["two"] == pytest.approx(found["two"])


def test_a_label_that_no_set_offers_has_a_finite_prior_in_the_pack() -> None:
    rng = np.random.default_rng(0)
    task = FaceTask()
    targets = np.eye(8, dtype=np.float32)[rng.choice(2, 100, p=[0.9, 0.1])]
    samples = Samples(task.labels, list(range(100)), targets, ("one",) * 100)
    schemes = {"one": AnnotationScheme("one", task.labels[:2], "test")}
    names = ("one",), samples, samples, samples, ("train",), "test", "none"
    rare = np.arange(8) > 1
    logits = (4 * targets + rng.normal(0, 2, (100, 8)) - 3 * rare).astype(np.float32)
    found = _fit_prior(logits, Splits(*names, schemes=schemes), task)
    assert len(found) == 8
    assert np.isfinite(found).all()


def test_several_sets_of_voices_do_not_say_how_frequent_emotions_are() -> None:
    task = SpeechTask()
    calm, neutral = task.labels.index("calm"), task.labels.index("neutral")
    often_angry = (0.05, 0.05, 0.1, 0.1, 0.5, 0.1, 0.05, 0.05)
    targets = np.eye(8, dtype=np.float32)[np.random.default_rng(0).choice(8, 200, p=often_angry)]
    logits = np.zeros((200, 8), np.float32)

    def fitted(*sets: str) -> FloatArray:
        groups = tuple(sets[row % len(sets)] for row in range(200))
        samples = Samples(task.labels, list(range(200)), targets, groups, groups)
        schemes = {one: AnnotationScheme(one, task.labels, "test") for one in sets}
        splits = Splits(sets, samples, samples, samples, ("train",), "test", "none", (), schemes)
        return np.array(_fit_prior(logits, splits, task))

    # Both are neutral, which is as likely as each other emotion.
    expected = np.zeros(8)
    expected[[calm, neutral]] = -np.log(2)
    assert fitted("one", "two") == pytest.approx(expected, abs=1e-4)
    assert fitted("one")[task.labels.index("angry")] == fitted("one").max() > fitted("one")[0]


def test_familiarity_is_bounded_by_two_percentiles_of_the_strength() -> None:
    strengths = np.linspace(1, 2, 1000, dtype=np.float32)
    logits = strengths[:, None] * np.array([1, -1, 1, -1], np.float32)
    assert fit_familiarity(logits) == pytest.approx((1.01, 1.1), abs=0.002)
    # The weaker half counts for nothing.
    weights = np.where(strengths < 1.5, 0, 1).astype(np.float32)
    assert fit_familiarity(logits, weights / weights.sum()) == pytest.approx(
        (1.505, 1.55), abs=0.01
    )
    assert fit_familiarity(logits[:1]) is None


def test_labels_that_nobody_can_give_are_left_out_of_the_figures() -> None:
    face = load_pack(MODELS / "face.json").manifest
    targets = np.eye(8, dtype=np.float32)[[0, 1]]
    samples = Samples(face.labels, [0, 1], targets, ("one",) * 2)
    answers = np.array([[0.4, 0, 0, 0, 0, 0, 0, 0.6], [0, 0.9, 0, 0, 0, 0, 0, 0.1]], np.float32)
    without = AnnotationScheme("one", face.labels[:-1], "test")
    found = SplitPredictions(
        "int8", "one", "test", samples, answers, answers, schemes={"one": without}
    ).answerable(face)
    assert found.probabilities[:, -1].tolist() == [0, 0]
    assert found.probabilities[0, 0] == pytest.approx(1)
    with_it = AnnotationScheme("one", face.labels, "test")
    kept = SplitPredictions(
        "int8", "one", "test", samples, answers, answers, schemes={"one": with_it}
    ).answerable(face)
    assert np.array_equal(kept.probabilities, answers)
