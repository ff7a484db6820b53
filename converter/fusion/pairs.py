"""Simulated pairs: answers of several models to different people who showed the same emotion.

They tell how well answers are weighed and how sure a belief may be. They are no measure of what
the models reach together on one person, whose face, voice and words hang together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from converter.datasets.samples import DatasetError
from converter.datasets.splits import HELD_BACK, Splits
from converter.measuring.evaluate import ask
from converter.measuring.figures import expected_calibration_error, scores
from converter.tasks.base import Task
from edge.emotions import EMOTIONS, FloatArray, label_matrix, to_seven
from edge.fusion.model import FusionModel
from edge.fusion.pooling import Evidence, Strategy
from edge.perception.pack import Pack

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Judgements:
    """What one model says of samples, and what they show."""

    modality: str
    said: FloatArray
    """float32[samples, 7], calibrated."""
    truth: Indices
    """Index of the one emotion of each."""

    def part(self, rows: Indices) -> "Judgements":
        """Those of some samples."""
        return Judgements(self.modality, self.said[rows], self.truth[rows])


@dataclass(frozen=True)
class Cases:
    """Simulated pairs: of each, what every modality says, and what is true."""

    said: FloatArray
    """float32[cases, modalities, 7]."""
    truth: Indices
    modalities: tuple[str, ...]

    def of(self, modalities: Sequence[str]) -> "Cases":
        """The same with some of the modalities alone."""
        rows = [self.modalities.index(one) for one in modalities]
        return Cases(self.said[:, rows], self.truth, tuple(modalities))

    def without(self, modality: str) -> "Cases":
        """The same without one of the modalities."""
        return self.of([one for one in self.modalities if one != modality])

    def alone(self, modality: str) -> FloatArray:
        """What one modality says by itself, float32[cases, 7]."""
        return self.said[:, self.modalities.index(modality)]

    def with_said(self, modality: str, said: FloatArray) -> "Cases":
        """The same with other answers, float32[cases, 7], of one modality."""
        changed = self.said.copy()
        changed[:, self.modalities.index(modality)] = said
        return Cases(changed, self.truth, self.modalities)

    def fused(self, strategy: Strategy, model: FusionModel) -> FloatArray:
        """What fusion makes of them, float32[cases, 7]; all answers are trusted alike."""
        trust = np.ones(self.said.shape[:2], np.float32)
        return strategy(Evidence(self.said, trust, self.modalities), model)[0]


def judge(task: Task, splits: Splits, pack: Pack) -> Judgements:
    """What the int8 model says of the test split, where that has one label among the seven."""
    answers = ask("int8", pack.model, task, splits, pack.manifest)
    matrix = label_matrix(pack.manifest.labels, pack.manifest.label_map)
    targets = answers.samples.targets @ matrix
    clear = ((targets > 0).sum(axis=1) == 1) if task.multi_label else targets.max(axis=1) > 0.5
    rows = np.flatnonzero(clear)
    said = to_seven(answers.probabilities[rows], matrix)
    return Judgements(pack.manifest.modality, said, np.asarray(targets[rows].argmax(axis=1)))


def judge_held_back(task: Task, splits: Splits, pack: Pack) -> Judgements:
    """The same of what was held back from training."""
    return judge(task, replace(splits, test=splits.held_back, test_split=HELD_BACK), pack)


def draw(sets: Sequence[Judgements], count: int, rng: np.random.Generator) -> Cases:
    """Pairs whose parts have the same label; the labels that all have occur equally often."""
    common = [
        label for label in range(len(EMOTIONS)) if all((s.truth == label).any() for s in sets)
    ]
    if not common:
        raise DatasetError("the data of the modalities have no emotion in common")
    truth = rng.choice(common, count)
    said = np.zeros((count, len(sets), len(EMOTIONS)), np.float32)
    for place, one in enumerate(sets):
        for label in common:
            rows = np.flatnonzero(truth == label)
            said[rows, place] = one.said[rng.choice(np.flatnonzero(one.truth == label), len(rows))]
    return Cases(said, truth, tuple(one.modality for one in sets))


def of_somebody_else(cases: Cases, modality: str, rng: np.random.Generator) -> Cases:
    """The cases with what a modality says of the person of another case, whatever they show."""
    said = cases.alone(modality)
    return cases.with_said(modality, said[rng.permutation(len(said))])


def figures(probabilities: FloatArray, truth: Indices) -> dict[str, float]:
    """Accuracy, macro-F1 and expected calibration error of distributions, float32[cases, 7]."""
    found = scores(probabilities, truth)
    ece = expected_calibration_error(probabilities, truth)
    return {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"], "ece": ece}
