"""Cross-validation by speaker or by data set: one training a fold, tested on what it never met."""

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from converter.datasets.recordings import Recordings
from converter.datasets.samples import DatasetError, Samples, concatenate
from converter.datasets.speaker_splits import (
    split_by_clip,
    split_by_set,
    split_by_speaker,
)
from converter.datasets.splits import BY_SPEAKER, LEFT_OUT, Splits
from converter.measuring.evaluate import SplitPredictions, predict_split, variants_of
from converter.measuring.metrics import ModelVariant, as_metrics, majority_scores
from converter.packing.build import build_pack
from converter.tasks.base import Schedule
from converter.tasks.speech import SpeechTask
from converter.training.runs import CHECKPOINT, INPUT, Plan
from converter.training.train import train
from edge.perception.manifest import Coefficients, Manifest, Metric
from edge.perception.pack import load_pack

ANSWERS = "answers.npz"
"""In the folder of a fold: its model's predictions for its test split."""
SETTINGS = "folds.json"
FEWEST_FOLDS = 3
"""One fold to test, one to hold back, one to train on."""
AT_RANDOM = "random"
"""The folder of the training whose random split ignores speakers."""
Unit = Literal["speaker", "set"]
"""What is in one fold only."""


@dataclass(frozen=True)
class FoldPredictions:
    """Predictions of all folds' models, in one variant, for their own test speakers."""

    folds: tuple[SplitPredictions, ...]

    @property
    def pooled(self) -> SplitPredictions:
        """All folds as one: each sample has the prediction of the model not trained on it."""
        return replace(
            self.folds[0],
            samples=concatenate([one.samples for one in self.folds]),
            probabilities=np.concatenate([one.probabilities for one in self.folds]),
            uncalibrated=np.concatenate([one.uncalibrated for one in self.folds]),
        )

    def metrics(self, manifest: Manifest) -> tuple[Metric, ...]:
        """Returns the pooled metrics, but UAR and accuracy as mean and deviation over folds."""
        pooled = self.pooled
        each = [majority_scores(one.probabilities, one.samples) for one in self.folds]
        found: dict[str, float] = {}
        for name in ("accuracy", "uar"):
            values = [scores[name] for scores in each]
            found[name] = float(np.mean(values))
            if len(values) > 1:
                found[f"{name}_deviation"] = float(np.std(values))
        over_folds = as_metrics(
            found, pooled.dataset, pooled.split, len(pooled.samples), pooled.variant
        )
        return over_folds + tuple(
            metric for metric in pooled.metrics(manifest) if metric.metric not in found
        )


def run_folds(
    task: SpeechTask, sets: Sequence[Recordings], run: Path, plan: Plan, unit: Unit = "speaker"
) -> None:
    """Trains, quantizes and measures each fold, in folders of `run`.

    By speaker, one random split is measured as well. Finished trainings and measurements are not
    repeated; an interrupted training continues. Raises DatasetError.
    """
    _check_count(sets, task.folds, unit)
    _check_settings(run, FoldSettings.of(sets, task, plan, unit))
    # All splits first: one that cannot be made should not fail after hours of training.
    for name, splits in list(_splits(sets, task.folds, plan.seed, unit)):
        folder = run / name
        if (folder / ANSWERS).is_file():
            print(f"{folder} is finished")
            continue
        print(f"{folder}\n{splits.summary()}")
        if not (folder / INPUT).is_file():
            resume = (folder / CHECKPOINT).is_dir()
            train(task, splits, folder, replace(plan, resume=resume))
        pack = load_pack(build_pack(task, splits, folder, folder, plan.seed))
        answers = [
            predict_split(variant, model, task, splits, pack.manifest)
            for variant, model in variants_of(pack, folder).items()
        ]
        _save(answers, folder / ANSWERS)


def _check_count(sets: Sequence[Recordings], folds: int, unit: Unit) -> None:
    """Raises DatasetError if there cannot be as many folds."""
    if unit == "speaker":
        counts = [len(one.speakers) for one in sets if one.parts_by_speaker]
        fewest, most, having = FEWEST_FOLDS, max(counts, default=0), "speakers in one data set"
    else:
        fewest, most, having = 2, sum(one.is_judged for one in sets), "data sets"
    if most < fewest:
        raise DatasetError(f"{most} {having} to measure on: folds need at least {fewest}")
    if not fewest <= folds <= most:
        raise DatasetError(
            f"{folds} folds of {most} {having}: choose {fewest} to {most} with --folds"
        )


class FoldSettings(msgspec.Struct, frozen=True):
    """The settings that all folds of a run share."""

    folds: int
    seed: int
    schedule: Schedule
    coefficients: Coefficients
    clips: dict[str, dict[str, int]]
    """Number of clips by data set and speaker."""
    unit: Unit

    @classmethod
    def of(
        cls, sets: Sequence[Recordings], task: SpeechTask, plan: Plan, unit: Unit
    ) -> "FoldSettings":
        """Returns the settings for these data and options."""
        clips = {one.dataset: dict(sorted(Counter(one.samples.groups).items())) for one in sets}
        return cls(task.folds, plan.seed, plan.schedule, task.coefficients, clips, unit)


def read_fold_settings(run: Path) -> FoldSettings:
    """Reads the settings of the folds in `run`; raises DatasetError if there are none."""
    try:
        return msgspec.json.decode((run / SETTINGS).read_bytes(), type=FoldSettings)
    except (OSError, msgspec.DecodeError) as error:
        raise DatasetError(f"{run / SETTINGS}: cannot be read ({error})") from error


def _check_settings(run: Path, settings: FoldSettings) -> None:
    """Writes the settings of new folds, or checks that those in `run` have the same."""
    if not (run / SETTINGS).is_file():
        run.mkdir(parents=True, exist_ok=True)
        (run / SETTINGS).write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
        return
    saved = read_fold_settings(run)
    changed = [
        name
        for name in settings.__struct_fields__
        if getattr(saved, name) != getattr(settings, name)
    ]
    if changed:
        raise DatasetError(
            f"{run}: the folds here were started with other {', '.join(changed)}; "
            "use the same options and data, or another --run"
        )


def load_folds(sets: Sequence[Recordings], run: Path) -> list[list[FoldPredictions]]:
    """Loads the predictions of `run`, int8 and float32, by data set, a random split last.

    Raises DatasetError if a fold or a data set is missing.
    """
    settings = read_fold_settings(run)
    folds, missing = settings.folds, [one for one in sets if one.dataset not in settings.clips]
    if missing:
        raise DatasetError(f"{run}: {missing[0].dataset} is not in these folds")
    answers = [_load(run / f"fold{number}" / ANSWERS) for number in range(1, folds + 1)]
    if settings.unit == "set":
        return [_of_dataset(answers, one, LEFT_OUT) for one in sets if one.is_judged]
    parted = [one for one in sets if one.parts_by_speaker]
    found = [_of_dataset(answers, one, f"{folds} {BY_SPEAKER}") for one in parted]
    at_random = [_load(run / AT_RANDOM / ANSWERS)]
    split = "a random part of the clips, by speakers that are known"
    return [*found, _of_dataset(at_random, parted[0], split)]


def _of_dataset(
    folds: Sequence[dict[ModelVariant, SplitPredictions]], recordings: Recordings, split: str
) -> list[FoldPredictions]:
    """Returns the predictions for one data set in each variant, from folds with its speakers."""
    name = recordings.dataset
    return [
        FoldPredictions(
            tuple(
                replace(fold[variant].of_groups({name}), dataset=name, split=split)
                for fold in folds
                if name in fold[variant].samples.groups
            )
        )
        for variant in folds[0]
    ]


def _splits(
    sets: Sequence[Recordings], folds: int, seed: int, unit: Unit
) -> Iterator[tuple[str, Splits]]:
    split = split_by_speaker if unit == "speaker" else split_by_set
    for fold in range(folds):
        yield f"fold{fold + 1}", split(sets, fold, folds)
    if unit == "speaker":
        yield AT_RANDOM, split_by_clip(sets, seed, folds)


def _save(variants: Sequence[SplitPredictions], path: Path) -> None:
    samples = variants[0].samples
    arrays: dict[str, Any] = {
        "targets": samples.targets,
        "groups": np.array(samples.groups),
        "people": np.array(samples.people),
        "labels": np.array(samples.labels),
    }
    for predictions in variants:
        arrays[f"{predictions.variant}_probabilities"] = predictions.probabilities
        arrays[f"{predictions.variant}_uncalibrated"] = predictions.uncalibrated
    draft = path.with_suffix(".part.npz")
    np.savez(draft, **arrays)
    draft.replace(path)


def _load(path: Path) -> dict[ModelVariant, SplitPredictions]:
    try:
        with np.load(path) as arrays:
            samples = Samples(
                tuple(arrays["labels"].tolist()),
                range(len(arrays["targets"])),
                arrays["targets"],
                tuple(arrays["groups"].tolist()),
                tuple(arrays["people"].tolist()),
            )
            variants: tuple[ModelVariant, ...] = ("int8", "float32")
            return {
                variant: SplitPredictions(
                    variant,
                    "",
                    "",
                    samples,
                    arrays[f"{variant}_probabilities"],
                    arrays[f"{variant}_uncalibrated"],
                )
                for variant in variants
            }
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{path}: no predictions of a finished fold ({error}); run `emotion-convert folds`"
        ) from error
