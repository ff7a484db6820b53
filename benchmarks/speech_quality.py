"""Measures the speech model's accuracy by noise and by the `quality` of its observations.

python benchmarks/speech_quality.py --data path/to/RAVDESS [--data …]

Each clip is classified by the network of `emotion-convert folds` that was not trained on its
speaker, as recorded and with noise at several ratios. The data must be those of the folds.
"""

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from converter.cross_validation import read_fold_settings
from converter.datasets.speaker_splits import split_by_speaker
from converter.tasks.speech import SpeechTask
from edge.commands.terminal import table
from edge.config import Speech
from edge.emotions import EMOTIONS
from edge.perception.classifier import Classifier
from edge.perception.pack import load_pack
from edge.perception.speech import SpeechPerception
from edge.values import Sound

RATIOS_DB = (None, 20, 10, 5, 0)
QUALITIES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.01)

Outcome = tuple[int | None, float, bool]
"""Signal-to-noise ratio (None: as recorded), quality, and True for a correct prediction."""


def _noisy(sound: Sound, ratio_db: int | None, rng: np.random.Generator) -> Sound:
    if ratio_db is None:
        return sound
    signal = sound.astype(np.float32)
    level = np.sqrt(np.mean(signal**2)) * 10 ** (-ratio_db / 20)
    noisy = signal + rng.normal(0, level, len(signal))
    return np.asarray(np.clip(np.rint(noisy), -32768, 32767), np.int16)


def _evaluate(task: SpeechTask, data: list[Path], run: Path) -> Iterator[Outcome]:
    sets, rng, config = task.recordings(data), np.random.default_rng(0), Speech()
    folds = read_fold_settings(run).folds
    for fold in range(folds):
        test = split_by_speaker(sets[:1], fold, folds).test
        classifier = Classifier(load_pack(run / f"fold{fold + 1}" / "speech.json"))
        for sound, index in zip(test.inputs, test.majority, strict=True):
            truth = task.label_map[test.labels[index]]
            for ratio_db in RATIOS_DB:
                perception = SpeechPerception(
                    classifier, config.min_voice_probability, config.min_voice_s
                )
                observation = perception.perceive_recording(_noisy(sound, ratio_db, rng))
                if observation is not None:
                    correct = EMOTIONS[int(observation.probabilities.argmax())] == truth
                    yield ratio_db, observation.quality, correct


def main() -> None:
    """Prints two tables: by ratio, and by quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, action="append")
    parser.add_argument("--run", type=Path, default=Path("runs/speech_folds"))
    arguments = parser.parse_args()
    outcomes = list(_evaluate(SpeechTask(), arguments.data, arguments.run))
    by_ratio = [
        (
            "as recorded" if ratio_db is None else f"{ratio_db} dB",
            [one for one in outcomes if one[0] == ratio_db],
        )
        for ratio_db in RATIOS_DB
    ]
    by_quality = [
        (f"{low:.1f} to {min(high, 1):.1f}", [one for one in outcomes if low <= one[1] < high])
        for low, high in pairwise(QUALITIES)
    ]
    for heading, parts in (("noise", by_ratio), ("quality", by_quality)):
        rows = [
            (
                name,
                f"{len(part)}",
                f"{np.mean([quality for _, quality, _ in part]):.2f}",
                f"{np.mean([correct for _, _, correct in part]):.1%}",
            )
            for name, part in parts
            if part
        ]
        print(table((heading, "clips", "mean quality", "accuracy, of seven"), rows) + "\n")


if __name__ == "__main__":
    main()
