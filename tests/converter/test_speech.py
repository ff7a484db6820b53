"""Training and measuring the speech model by speaker, on made-up voices."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import tensorflow as tf

from benchmarks.harness.clips import HAPPY_CLIP
from converter.cross_validation import ANSWERS, load_folds
from converter.datasets import labelled_sounds
from converter.datasets.recordings import LABELS
from converter.datasets.samples import DatasetError, Samples
from converter.measuring.evaluate import add_metrics
from converter.tasks.augment_sound import CHANGES, CODECS, mask, vary_sound, warp
from converter.tasks.speech import SpeechTask
from edge.capture.media import read_sound
from edge.config import Speech
from edge.perception.features import frame_coefficients, log_mel
from edge.perception.manifest import Coefficients, Manifest, SoundInput
from edge.perception.pack import load_pack
from edge.perception.voice import VoiceWindows
from edge.resources import MODELS
from edge.values import SAMPLE_RATE_HZ
from tests.converter.command_line import convert

SPEAKERS = ("ann", "bob", "cem", "dua")
SHORT = ("--epochs", "1", "--batch-size", "4")
PITCHES_HZ = {"happy": 400, "sad": 120}
CLIPS = 2
"""Number of clips of each speaker and emotion."""
OF_ALL = CLIPS * len(SPEAKERS) * len(PITCHES_HZ)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers who buzz high when happy and low when sad."""
    root = tmp_path_factory.mktemp("data") / "voices"
    rng = np.random.default_rng(0)
    times_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for speaker in SPEAKERS:
        for label, pitch_hz in PITCHES_HZ.items():
            folder = root / speaker / label
            folder.mkdir(parents=True)
            for number in range(CLIPS):
                buzz = (times_s * pitch_hz * rng.uniform(0.9, 1.1)) % 1 - 0.5
                noise = rng.normal(0, 0.02, len(buzz))
                soundfile.write(folder / f"{number}.wav", 0.5 * buzz + noise, SAMPLE_RATE_HZ)
    files = sorted(file.relative_to(root) for file in root.glob("*/*/*.wav"))
    rows = (f"{file},{file.parts[1]},{file.parts[0]}" for file in files)
    (root / "labels.csv").write_text("\n".join(("file,emotion,speaker", *rows)))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, voices: Path) -> Path:
    """A folder with a model trained, quantized and measured by folds, each very shortly."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (("train", *SHORT), ("quantize",), ("folds", "--folds", "3", *SHORT)):
            # The folds train layer by layer: a graph of each takes longer than its few steps.
            tf.config.run_functions_eagerly(command[0] == "folds")
            assert _convert(patch, *command, voices=voices) == 0
        tf.config.run_functions_eagerly(False)
    return folder


def _convert(patch: pytest.MonkeyPatch, command: str, *options: str, voices: Path) -> int:
    return convert(patch, command, "speech", "--data", voices, *options)


def _manifest(folder: Path) -> Manifest:
    return load_pack(folder / "models" / "speech.json").manifest


@pytest.mark.slow
def test_folds_test_everybody_with_a_model_not_trained_on_them(folder: Path, voices: Path) -> None:
    (int8, float32), _ = load_folds(
        [labelled_sounds.load(voices)], folder / "runs" / "speech_folds"
    )
    assert (int8.pooled.variant, float32.pooled.variant) == ("int8", "float32")
    tested = [frozenset(one.samples.people) for one in int8.folds]
    assert sorted(speaker for one in tested for speaker in one) == [
        f"voices {speaker}" for speaker in SPEAKERS
    ]
    assert len(int8.pooled.samples) == len(int8.pooled.probabilities) == OF_ALL
    figures = {(m.split, m.metric, m.of): m for m in _manifest(folder).metrics}
    by_fold = [(one.probabilities.argmax(1) == one.samples.majority).mean() for one in int8.folds]
    for number, people in enumerate(tested, 1):
        pack = load_pack(folder / "runs" / "speech_folds" / f"fold{number}" / "speech.json")
        (trained_on,) = pack.manifest.trained_on
        unheard = trained_on.removeprefix("voices without ").split(", ")
        assert {person.removeprefix("voices ") for person in people} < set(unheard)
    accuracy = figures["3 folds by speaker", "accuracy", "int8"]
    assert accuracy.value == pytest.approx(np.mean(by_fold), abs=1e-4)
    deviation = figures["3 folds by speaker", "accuracy_deviation", "int8"]
    assert deviation.value == pytest.approx(np.std(by_fold), abs=1e-4)
    assert accuracy.n == OF_ALL
    assert ("a random part of the clips, by speakers that are known", "uar", "int8") in figures


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_folds_by_set_test_each_with_a_model_trained_on_the_others(
    folder: Path, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(voices, tmp_path / "others")
    for file in other.glob("*/*/*.wav"):
        sound, rate_hz = soundfile.read(file)
        soundfile.write(file, 0.5 * sound, rate_hz)
    models = shutil.copytree(folder / "models", tmp_path / "models")
    run = tmp_path / "by_set"
    options = ("--by", "set", "--folds", "2", "--run", str(run), "--models", str(models), *SHORT)
    assert _convert(monkeypatch, "folds", "--data", str(other), *options, voices=voices) == 0
    for fold, known in ((1, "others"), (2, "voices")):
        manifest = load_pack(run / f"fold{fold}" / "speech.json").manifest
        assert manifest.trained_on == (f"{known} without dua",)
    found = load_pack(models / "speech.json").manifest.metrics
    left_out = {one.dataset for one in found if one.split == "left out" and one.n == OF_ALL}
    assert left_out == {"voices", "others"}


@pytest.mark.slow
def test_a_finished_fold_is_not_trained_again(
    folder: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert _convert(monkeypatch, "folds", "--folds", "3", *SHORT, voices=voices) == 0
    assert capsys.readouterr().out.count("is finished") == 4


@pytest.mark.slow
def test_folds_with_other_settings_are_refused(
    folder: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert _convert(monkeypatch, "folds", "--folds", "4", *SHORT, voices=voices) == 1
    assert "were started with other folds; use the same" in capsys.readouterr().err
    options = ("--folds", "3", "--coefficients", "mfcc", *SHORT)
    assert _convert(monkeypatch, "folds", *options, voices=voices) == 1
    assert "were started with other coefficients; use the same" in capsys.readouterr().err
    with pytest.raises(DatasetError, match="elsewhere is not in these folds"):
        load_folds(
            [replace(labelled_sounds.load(voices), dataset="elsewhere")],
            folder / "runs/speech_folds",
        )


@pytest.mark.slow
def test_folds_of_other_features_leave_the_pack_its_figures(
    folder: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    before = (folder / "models" / "speech.json").read_text()
    other = folder / "runs" / "of_mfcc"
    shutil.copytree(folder / "runs" / "speech_folds", other)
    setting = (other / "folds.json").read_text()
    (other / "folds.json").write_text(setting.replace('"log_mel"', '"mfcc"'))
    options = ("--folds", "3", "--coefficients", "mfcc", "--run", str(other), *SHORT)
    assert _convert(monkeypatch, "folds", *options, voices=voices) == 0
    printed = capsys.readouterr().out
    assert (
        "speech.json keeps its own figures: its input is log_mel, that of the folds mfcc" in printed
    )
    assert (folder / "models" / "speech.json").read_text() == before
    assert _convert(monkeypatch, "report", "--folds", str(other), voices=voices) == 1
    assert "do not fit speech.tflite: its input is log_mel" in capsys.readouterr().err


@pytest.mark.slow
def test_folds_by_speaker_are_one_split_however_many(folder: Path, tmp_path: Path) -> None:
    manifest = _manifest(folder)
    fewer = [
        msgspec.structs.replace(one, split="2 folds by speaker")
        for one in manifest.metrics
        if one.split == "3 folds by speaker"
    ]
    again = add_metrics(manifest, fewer, tmp_path / "speech.json")
    assert {one.split for one in again.metrics if "folds" in one.split} == {"2 folds by speaker"}


@pytest.mark.slow
def test_figures_of_folds_do_not_undo_a_pack_that_was_made_meanwhile(
    folder: Path, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    def quantize_meanwhile(*arguments: object) -> None:
        assert _convert(monkeypatch, "quantize", "--seed", "1", voices=voices) == 0

    before = _manifest(folder).sha256
    monkeypatch.setattr("converter.cross_validation.run_folds", quantize_meanwhile)
    assert _convert(monkeypatch, "folds", "--folds", "3", *SHORT, voices=voices) == 0
    assert _manifest(folder).sha256 != before


@pytest.mark.slow
def test_the_report_of_folds_shows_spread_and_examples(
    folder: Path, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    options = ("--folds", "runs/speech_folds", "--out", "reports")
    assert _convert(monkeypatch, "report", *options, voices=voices) == 0
    page = (folder / "reports" / "speech.md").read_text()
    assert f"Measured on voices, 3 folds by speaker ({OF_ALL} samples)" in page
    assert "without its speaker" in page
    assert "a random part of the clips, by speakers that are known" in page
    assert cv2.imread(str(folder / "reports" / "speech-examples.png")) is not None


@pytest.mark.slow
def test_a_model_is_not_measured_on_its_training_speakers(
    folder: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(folder)
    assert _convert(monkeypatch, "evaluate", voices=voices) == 1
    assert "no test split, the model was trained on everyone" in capsys.readouterr().err
    assert _convert(monkeypatch, "evaluate", "--all", voices=voices) == 1
    assert "this model was trained on voices without" in capsys.readouterr().err
    # One speaker of another data set can be measured, and both of their emotions.
    shutil.copytree(voices / "ann", tmp_path / "others" / "eve")
    assert _convert(monkeypatch, "evaluate", "--all", "--save", voices=tmp_path / "others") == 0
    assert "4 of these 4 samples taught the model or calibrated it" in capsys.readouterr().out
    found = {(m.dataset, m.split, m.metric): m for m in _manifest(folder).metrics}
    assert found["others", "all of it", "accuracy"].n == 4


@pytest.mark.slow
@pytest.mark.parametrize("count", ["2", "5"])
def test_folds_are_as_many_as_the_speakers_allow(
    count: str,
    folder: Path,
    voices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert _convert(monkeypatch, "folds", "--folds", count, voices=voices) == 1
    message = capsys.readouterr().err
    assert "folds of 4 speakers in one data set: choose 3 to 4 with --folds" in message


@pytest.mark.slow
def test_without_folds_the_report_is_on_held_back_speakers(
    folder: Path, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert _convert(monkeypatch, "report", "--out", "reports", voices=voices) == 0
    page = (folder / "reports" / "speech.md").read_text()
    assert "held back (" in page
    assert "served to calibrate the model, not to train it" in page


def test_a_missing_fold_is_reported(folder: Path, voices: Path, tmp_path: Path) -> None:
    answers = tmp_path / "fold1" / ANSWERS
    answers.parent.mkdir()
    answers.write_bytes((folder / "runs/speech_folds/fold1" / ANSWERS).read_bytes()[:100])
    shutil.copy(folder / "runs/speech_folds/folds.json", tmp_path)
    with pytest.raises(DatasetError, match="no predictions of a finished fold"):
        load_folds([labelled_sounds.load(voices)], tmp_path)
    with pytest.raises(DatasetError, match=r"folds\.json: cannot be read"):
        load_folds([labelled_sounds.load(voices)], tmp_path / "fold1")


def test_training_is_measured_on_the_windows_that_a_device_finds() -> None:
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    sound = read_sound(HAPPY_CLIP)
    inputs = SpeechTask().device_inputs(sound, spec)
    device = VoiceWindows(spec, Speech().min_voice_probability, Speech().min_voice_s)
    assert np.array_equal(inputs, [window.features for window in device.push(sound)])
    # A clip in which the device hears nobody is passed whole.
    assert len(SpeechTask().device_inputs(sound[:8000] // 1000, spec)) == 1


def test_a_set_or_a_speaker_with_four_times_the_clips_is_drawn_twice_as_often() -> None:
    groups = ("large",) * 4 + ("small",)
    targets = np.eye(8, dtype=np.float32)[[0] * 5]
    one_each = Samples(LABELS, range(5), targets, groups, ("a", "b", "c", "d", "e"))
    of_sets = SpeechTask().sample_weights(one_each)
    assert of_sets[:4].sum() == pytest.approx(2 * of_sets[4])
    few_people = replace(one_each, people=("a", "a", "a", "a", "e"))
    assert SpeechTask().sample_weights(few_people) == pytest.approx(of_sets)
    one_set = replace(one_each, groups=("large",) * 5, people=("a", "a", "a", "a", "b"))
    of_speakers = SpeechTask().sample_weights(one_set)
    assert of_speakers[:4].sum() == pytest.approx(2 * of_speakers[4])


def _levels(sound: npt.NDArray[np.float32]) -> list[float]:
    """The level in each of 20 equal parts."""
    return [float(np.sqrt(np.mean(part**2))) for part in np.array_split(sound, 20)]


@pytest.mark.parametrize("change", [change for _, change in CHANGES])
def test_no_variation_loses_the_voice(change: object) -> None:
    assert callable(change)
    sound = read_sound(HAPPY_CLIP).astype(np.float32) / np.float32(32768)
    for seed in range(3):
        changed = change(sound, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
        assert 0.8 * len(sound) < len(changed) < 1.25 * len(sound)
        # Loud where it was loud.
        assert np.corrcoef(_levels(sound), _levels(changed))[0, 1] > 0.7


def test_every_codec_takes_the_highest_level_it_is_asked_for() -> None:
    change = next(change for _, change in CHANGES if change.__name__ == "_codec")
    sound = read_sound(HAPPY_CLIP)[:16000].astype(np.float32) / np.float32(32768)
    for index in range(len(CODECS)):
        highest = SimpleNamespace(integers=lambda _, one=index: one, uniform=lambda _, high: high)
        assert np.abs(change(sound, highest)).max() > 0.1  # type: ignore[arg-type]


def test_variations_differ_and_depend_only_on_the_seed() -> None:
    sound = read_sound(HAPPY_CLIP)
    one, same, other = (vary_sound(sound, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.dtype == np.int16
    assert np.array_equal(one, same)
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_variations_of_a_clip_do_not_depend_on_earlier_ones() -> None:
    spec = load_pack(MODELS / "speech.json").manifest.input
    sound = read_sound(HAPPY_CLIP)
    two = Samples(LABELS, [sound[:20000], sound], np.eye(8, dtype=np.float32)[:2], ("ann", "bob"))
    task, other = SpeechTask(), SpeechTask()
    first = other.prepare(two.subset(np.array([1])), spec, 0).inputs[0]
    second = task.prepare(two, spec, 0).inputs[1]
    assert all(np.array_equal(one, same) for one, same in zip(first, second, strict=True))
    changed = task.prepare(two, spec, 1).inputs[1]
    assert not all(one.shape == same.shape for one, same in zip(changed, second, strict=True))


@pytest.mark.parametrize("kind", get_args(Coefficients))
def test_features_are_standardized_by_the_training_data(kind: Coefficients) -> None:
    sound = read_sound(HAPPY_CLIP)
    samples = Samples(LABELS, [sound, sound[::2]], np.eye(8, dtype=np.float32)[:2], ("ann", "bob"))
    spec = SpeechTask(coefficients=kind).input_spec(samples)
    assert spec.coefficients == kind
    frames = np.concatenate(
        [frame_coefficients(log_mel(one, spec), spec) for one in samples.inputs]
    )
    assert frames.mean(axis=0) == pytest.approx(spec.mean, abs=1e-3)
    assert frames.std(axis=0) == pytest.approx(spec.deviation, abs=1e-3)


def test_warping_and_masking_keep_the_bands_and_most_of_the_sound() -> None:
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    energies = log_mel(read_sound(HAPPY_CLIP), spec)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        warped = warp(energies, rng)
        assert warped.shape[1] == spec.mel_bands
        assert 0.8 * len(energies) < len(warped) < 1.25 * len(energies)
        masked = mask(warped, rng)
        assert (masked == warped).mean() > 0.4
        assert warped.min() <= masked.min()
        assert masked.max() <= warped.max()
