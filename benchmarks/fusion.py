r"""Compares fusion strategies on people, on simulated pairs with and without faults, and on clips.

python benchmarks/fusion.py --face FERPlus.zip --speech RAVDESS … --text GoEmotions/ekman \
                            --people JAVED --people-models PACKS

With --people, each person in labelled clips of a face and a voice is left out in turn: what fusion
learns is from the others and from simulated pairs. PACKS holds packs that were trained without
these people. `known` is relative to what the person's other clips teach the device.

A simulated pair is a face, a voice and a text of three different people who show the same emotion,
all seven emotions equally often. Pairs measure calibration, robustness and weighting, not accuracy
on one person. Faces and texts are from the test splits. Voices are from the held-back speakers,
because the speech model was trained on all others; fusion was fitted to every second of their
clips, which are left out here if the data are those that `emotion-convert fuse` was given. All
parts of a pair have the same quality and age, even a corrupted one: a device would notice a blurred
face and lower its weight, but here it cannot. The clips in samples/ show one person with six
emotions, face and voice together.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.datasets.samples import Samples
from converter.fusion.figures import answer_people
from converter.fusion.people import predict_people
from converter.fusion.simulated_pairs import (
    Cases,
    Predictions,
    draw_pairs,
    pair_metrics,
    predict,
    predict_held_back,
    with_other_person,
)
from converter.tasks.registry import TASKS
from edge.commands.terminal import table
from edge.config import Tracking
from edge.fusion.model import FusionModel, load_fusion
from edge.fusion.pooling import STRATEGIES, Strategy, fuse
from edge.perception.pack import load_pack
from edge.resources import MODELS, SAMPLES
from edge.values import SAMPLE_RATE_HZ, Observation
from emotiond import Emotions, Result

PAIRS, REPLICATES = 2000, 100
FACE_NOISE = 60.0
"""Standard deviation of the noise that is added to a face, in grey levels."""
HUM_HZ = (50, 150, 250)
CODES = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral"}
CODES |= {"SAD": "sad"}

Corrupt = Callable[[Any, np.random.Generator], Any]


def _noisy(picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    noise = rng.normal(0, FACE_NOISE, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _humming(sound: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Adds a hum as loud as the voice."""
    moments_s = np.arange(len(sound)) / SAMPLE_RATE_HZ
    hum = sum(np.sin(2 * np.pi * hz * moments_s + rng.uniform(0, 6)) / hz for hz in HUM_HZ)
    level = np.sqrt(np.mean(sound.astype(np.float64) ** 2) / np.mean(hum**2))
    return np.asarray(np.clip(sound + level * hum, -32768, 32767), np.int16)


def _mistyped(text: str, rng: np.random.Generator) -> str:
    """Replaces every third letter, at random."""
    letters = [chr(rng.integers(97, 123)) if rng.random() < 1 / 3 else one for one in text]
    return "".join(letters)


CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {
    "face": ("noise", _noisy),
    "speech": ("hum", _humming),
    "text": ("typing errors", _mistyped),
}


def _corrupted(samples: Samples, corrupt: Corrupt) -> Samples:
    rng = np.random.default_rng(0)
    return replace(samples, inputs=[corrupt(one, rng) for one in samples.inputs])


def _predict(modality: str, data: Sequence[Path]) -> tuple[Predictions, Predictions]:
    """Evaluates the shipped model on clean and on corrupted samples, in the same order."""
    task, pack = TASKS[modality](), load_pack(MODELS / f"{modality}.json")
    splits, corrupt = task.load(data), CORRUPTIONS[modality][1]
    if splits.test_split:
        clean = predict(task, splits, pack)
        return clean, predict(task, replace(splits, test=_corrupted(splits.test, corrupt)), pack)
    clean = predict_held_back(task, splits, pack)
    wrong = replace(splits, held_back=_corrupted(splits.held_back, corrupt))
    unseen = np.arange(1, len(clean.truth), 2)
    return clean.part(unseen), predict_held_back(task, wrong, pack).part(unseen)


def _situations(clean: Cases, wrong: Cases) -> dict[str, Cases]:
    """Returns the clean pairs, and variants in which one part is missing, corrupted or replaced."""
    found, rng = {"whole": clean}, np.random.default_rng(0)
    for name in clean.modalities:
        found[f"without {name}"] = clean.without(name)
        found[f"{name}: {CORRUPTIONS[name][0]}"] = clean.with_probabilities(name, wrong.alone(name))
        found[f"{name}: another person's"] = with_other_person(clean, name, rng)
    return found


def _replicate(
    clean: Sequence[Predictions], wrong: Sequence[Predictions], model: FusionModel, seed: int
) -> dict[tuple[str, str], dict[str, float]]:
    """Returns all metrics on pairs of samples drawn with replacement."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, len(one.truth), len(one.truth)) for one in clean]
    parts = [[s.part(r) for s, r in zip(sets, rows, strict=True)] for sets in (clean, wrong)]
    pairs, corrupted = (draw_pairs(sets, PAIRS, np.random.default_rng(seed)) for sets in parts)
    found = {}
    for name in pairs.modalities:
        found["alone", name] = pair_metrics(pairs.alone(name), pairs.truth)
    for situation, cases in _situations(pairs, corrupted).items():
        for strategy, function in STRATEGIES.items():
            found[strategy, situation] = pair_metrics(cases.fused(function, model), cases.truth)
    return found


def _interval(values: Sequence[float]) -> str:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return f"{100 * middle:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def _simulated(
    clean: Sequence[Predictions], wrong: Sequence[Predictions], model: FusionModel
) -> None:
    sizes = ", ".join(f"{len(one.truth)} {one.modality}" for one in clean)
    found = [_replicate(clean, wrong, model, seed) for seed in range(REPLICATES)]
    print(f"simulated pairs of {sizes} samples; {REPLICATES} times {PAIRS} pairs; in %:")
    print("median and 95 % interval, samples drawn with replacement")
    rows = [
        (*place, *(_interval([one[place][name] for one in found]) for name in found[0][place]))
        for place in found[0]
    ]
    print(table(["strategy", "pairs", "accuracy", "mean recall", "macro-F1", "ECE"], rows))


def _people(folders: Sequence[Path], models: Path, sets: Sequence[Predictions]) -> None:
    answers = answer_people(predict_people(folders, models), sets)
    least = Tracking().min_confidence
    print(f"people left out, {len(answers.truth)} clips; told: a confidence of {least} or more")
    rows = []
    for (strategy, pairs), one in answers.beliefs.items():
        found, told = pair_metrics(one, answers.truth), one.max(axis=1) >= least
        error = np.sqrt(found["uar"] * (1 - found["uar"]) / len(one))
        right = (one.argmax(axis=1) == answers.truth)[told]
        rows.append(
            (
                strategy,
                pairs,
                f"{100 * found['uar']:.1f} ± {100 * error:.1f}",
                f"{found['ece']:.3f}",
                f"{told.sum()}",
                f"{right.sum()}",
            )
        )
    heads = ["strategy", "people", "mean recall, %", "ECE", "told", "right of these"]
    print(f"{table(heads, rows)}\n")


def _right(observations: Sequence[Observation], truth: str, strategy: Strategy, model: Any) -> bool:
    return bool(observations) and fuse(observations, strategy, model, 0.0, 1.0).emotion == truth


def _clips(model: FusionModel) -> None:
    reader = Emotions()
    clips = [
        (
            [_observation(one) for one in reader.clip(path, timeline=False).fused.parts],
            CODES[path.stem.split("_")[2]],
        )
        for path in _paths()
    ]
    print(f"\nthe {len(clips)} clips in samples/, correct predictions")
    rows = []
    for name, strategy in STRATEGIES.items():
        row = [sum(_right(seen, truth, strategy, model) for seen, truth in clips)]
        for modality in ("face", "speech"):
            alone = [([o for o in seen if o.modality == modality], t) for seen, t in clips]
            row.append(sum(_right(seen, truth, strategy, model) for seen, truth in alone))
        rows.append((name, *map(str, row)))
    print(table(["strategy", "both", "face alone", "voice alone"], rows))


def _observation(result: Result) -> Observation:
    probabilities = np.array(list(result.probabilities.values()), np.float32)
    return Observation(result.modality, result.subject, 0.0, probabilities, result.quality)


def _paths() -> list[Path]:
    return [path for path in sorted(SAMPLES.glob("*.mkv")) if path.stem.split("_")[2] in CODES]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    for modality in CORRUPTIONS:
        parser.add_argument(f"--{modality}", type=Path, action="append", required=True)
    parser.add_argument("--people", type=Path, action="append")
    parser.add_argument("--people-models", type=Path, default=MODELS)
    arguments, model = parser.parse_args(), load_fusion(MODELS / "fusion.json")
    predictions = [_predict(name, getattr(arguments, name)) for name in CORRUPTIONS]
    clean, wrong = ([pair[place] for pair in predictions] for place in (0, 1))
    if arguments.people:
        _people(arguments.people, arguments.people_models, clean)
    _simulated(clean, wrong, model)
    _clips(model)


if __name__ == "__main__":
    main()
