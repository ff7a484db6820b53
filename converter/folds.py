"""Folds by speaker: as many trainings as parts, each tested on people that it never heard."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.build import build_pack
from converter.datasets.recordings import Recordings, group_of, split_by_clip, split_by_speaker
from converter.evaluate import Answers, ask_all
from converter.figures import Form, as_metrics, headline
from converter.samples import DatasetError, Samples, Splits
from converter.tasks.speech import SpeechTask
from converter.train import CHECKPOINT, Plan, train
from edge.perception.pack import Manifest, Metric, load_pack

ANSWERS = "answers.npz"
"""In the folder of a fold: what its model said of its test split."""
AT_RANDOM = "random"
"""The folder of the one training whose split ignores speakers."""


@dataclass(frozen=True)
class FoldAnswers:
    """What the models of all folds, in one form, say of the speakers that each never heard."""

    folds: tuple[Answers, ...]

    @property
    def whole(self) -> Answers:
        """All of them as one: every sample judged by the one model that it did not teach."""
        first = self.folds[0]
        samples = [one.samples for one in self.folds]
        return replace(
            first,
            samples=Samples(
                first.samples.labels,
                [each for one in samples for each in one.inputs],
                np.concatenate([one.targets for one in samples]),
                tuple(group for one in samples for group in one.groups),
            ),
            probabilities=np.concatenate([one.probabilities for one in self.folds]),
            uncalibrated=np.concatenate([one.uncalibrated for one in self.folds]),
        )

    def metrics(self, manifest: Manifest) -> tuple[Metric, ...]:
        """The figures of the whole, but UAR and accuracy as mean over folds, and its deviation."""
        whole = self.whole
        each = [headline(one.probabilities, one.samples) for one in self.folds]
        found: dict[str, float] = {}
        for name in ("accuracy", "uar"):
            values = [figures[name] for figures in each]
            found |= {name: float(np.mean(values)), f"{name}_deviation": float(np.std(values))}
        over_folds = as_metrics(found, whole.dataset, whole.split, len(whole.samples), whole.of)
        return over_folds + tuple(
            metric for metric in whole.metrics(manifest) if metric.metric not in found
        )


def run_folds(task: SpeechTask, sets: Sequence[Recordings], run: Path, plan: Plan) -> None:
    """Trains, quantizes and measures each fold, and one random split, in folders of `run`.

    A fold that is finished is not begun again, one that was interrupted goes on. Raises
    DatasetError.
    """
    fewest = len(sets[0].speakers)
    if fewest < task.folds:
        raise DatasetError(
            f"{sets[0].dataset} has {fewest} speakers, too few for {task.folds} folds; "
            "ask for fewer with --folds"
        )
    for name, splits in _splits(sets, task.folds, plan.seed):
        folder = run / name
        if (folder / ANSWERS).is_file():
            print(f"{folder} is finished")
            continue
        print(f"{folder}\n{splits.summary()}")
        resume = (folder / CHECKPOINT).is_dir()
        train(task, splits, folder, replace(plan, resume=resume))
        manifest = build_pack(task, splits, folder, folder, plan.seed)
        _save(ask_all(task, splits, load_pack(manifest), folder), folder / ANSWERS)


def count_folds(run: Path) -> int:
    """How many folds are in `run`."""
    return len(list(run.glob("fold*")))


def load_folds(sets: Sequence[Recordings], folds: int, run: Path) -> dict[str, list[FoldAnswers]]:
    """The answers of `run`, int8 and float32, for each data set of the folds.

    Those to the random split are under AT_RANDOM. Raises DatasetError where a fold is missing.
    """
    by_speaker = [_load(run / f"fold{number}" / ANSWERS) for number in range(1, folds + 1)]
    at_random = [_load(run / AT_RANDOM / ANSWERS)]
    found = {one.dataset: _of_dataset(by_speaker, one, f"{folds} folds by speaker") for one in sets}
    split = "a random part of the clips, by speakers that are known"
    return found | {AT_RANDOM: _of_dataset(at_random, sets[0], split)}


def _of_dataset(
    folds: Sequence[dict[Form, Answers]], recordings: Recordings, split: str
) -> list[FoldAnswers]:
    """The answers to one data set in each form, by the folds that it has a speaker in."""
    groups = {group_of(recordings.dataset, speaker) for speaker in recordings.speakers}
    return [
        FoldAnswers(
            tuple(
                _only(fold[of], groups, recordings.dataset, split)
                for fold in folds
                if groups.intersection(fold[of].samples.groups)
            )
        )
        for of in folds[0]
    ]


def _splits(sets: Sequence[Recordings], folds: int, seed: int) -> Iterator[tuple[str, Splits]]:
    for fold in range(folds):
        yield f"fold{fold + 1}", split_by_speaker(sets, fold, folds)
    yield AT_RANDOM, split_by_clip(sets, seed, folds)


def _save(forms: Sequence[Answers], path: Path) -> None:
    samples = forms[0].samples
    arrays: dict[str, Any] = {
        "targets": samples.targets,
        "groups": np.array(samples.groups),
        "labels": np.array(samples.labels),
    }
    for answers in forms:
        arrays[f"{answers.of}_probabilities"] = answers.probabilities
        arrays[f"{answers.of}_uncalibrated"] = answers.uncalibrated
    draft = path.with_suffix(".part.npz")
    np.savez(draft, **arrays)
    draft.replace(path)


def _load(path: Path) -> dict[Form, Answers]:
    try:
        with np.load(path) as arrays:
            samples = Samples(
                tuple(arrays["labels"].tolist()),
                range(len(arrays["targets"])),
                arrays["targets"],
                tuple(arrays["groups"].tolist()),
            )
            forms: tuple[Form, ...] = ("int8", "float32")
            return {
                of: Answers(
                    of, "", "", samples, arrays[f"{of}_probabilities"], arrays[f"{of}_uncalibrated"]
                )
                for of in forms
            }
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{path}: no answers of a finished fold ({error}); run `emotion-convert folds`"
        ) from error


def _only(answers: Answers, groups: set[str], dataset: str, split: str) -> Answers:
    """The answers to samples of the given groups."""
    rows = np.flatnonzero([group in groups for group in answers.samples.groups])
    return replace(
        answers,
        dataset=dataset,
        split=split,
        samples=answers.samples.subset(np.asarray(rows, np.intp)),
        probabilities=answers.probabilities[rows],
        uncalibrated=answers.uncalibrated[rows],
    )
