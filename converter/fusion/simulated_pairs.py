"""Simulated pairs: predictions of several models for different people showing one emotion.

They measure how well fusion weighs predictions and how well its confidence is calibrated. They do
not measure the accuracy on one person, whose face, voice and words depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from converter.datasets.samples import DatasetError
from converter.datasets.splits import HELD_BACK, Splits
from converter.measuring.evaluate import predict_split
from converter.measuring.metrics import expected_calibration_error, scores
from converter.tasks.base import Task
from edge.emotions import EMOTIONS, FloatArray, label_matrix, to_seven
from edge.fusion.model import FusionModel
from edge.fusion.pooling import Evidence, Strategy, combine
from edge.perception.pack import Pack

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Predictions:
    """One model's predictions for samples, and their true emotions."""

    modality: str
    probabilities: FloatArray
    """float32[samples, 7], calibrated."""
    truth: Indices
    """Index of each sample's emotion among the seven."""

    def part(self, rows: Indices) -> "Predictions":
        """Returns the predictions for some of the samples."""
        return Predictions(self.modality, self.probabilities[rows], self.truth[rows])


@dataclass(frozen=True)
class Cases:
    """Simulated pairs: each modality's probabilities and the true emotion of each pair."""

    probabilities: FloatArray
    """float32[cases, modalities, 7]."""
    truth: Indices
    modalities: tuple[str, ...]

    def select(self, modalities: Sequence[str]) -> "Cases":
        """Returns the same pairs with only some of the modalities."""
        rows = [self.modalities.index(one) for one in modalities]
        return Cases(self.probabilities[:, rows], self.truth, tuple(modalities))

    def without(self, modality: str) -> "Cases":
        """Returns the same pairs without one of the modalities."""
        return self.select([one for one in self.modalities if one != modality])

    def alone(self, modality: str) -> FloatArray:
        """Returns one modality's probabilities, float32[cases, 7]."""
        return self.probabilities[:, self.modalities.index(modality)]

    def with_probabilities(self, modality: str, probabilities: FloatArray) -> "Cases":
        """Returns the same pairs with other probabilities, float32[cases, 7], of one modality."""
        changed = self.probabilities.copy()
        changed[:, self.modalities.index(modality)] = probabilities
        return Cases(changed, self.truth, self.modalities)

    def fused(self, strategy: Strategy, model: FusionModel) -> FloatArray:
        """Returns the fused probabilities, float32[cases, 7], with quality and age left out."""
        trust = np.ones(self.probabilities.shape[:2], np.float32)
        return combine(Evidence(self.probabilities, trust, self.modalities), strategy, model)[0]


def predict(task: Task, splits: Splits, pack: Pack) -> Predictions:
    """Runs the int8 model on the samples of the test split with one label among the seven."""
    predictions = predict_split("int8", pack.model, task, splits, pack.manifest)
    matrix = label_matrix(pack.manifest.labels, pack.manifest.label_map)
    targets = predictions.samples.targets @ matrix
    clear = ((targets > 0).sum(axis=1) == 1) if task.multi_label else targets.max(axis=1) > 0.5
    rows = np.flatnonzero(clear)
    probabilities = to_seven(predictions.probabilities[rows], matrix)
    return Predictions(
        pack.manifest.modality, probabilities, np.asarray(targets[rows].argmax(axis=1))
    )


def predict_held_back(task: Task, splits: Splits, pack: Pack) -> Predictions:
    """Runs the int8 model on the held-back samples with one label among the seven."""
    return predict(task, replace(splits, test=splits.held_back, test_split=HELD_BACK), pack)


def draw_pairs(sets: Sequence[Predictions], count: int, rng: np.random.Generator) -> Cases:
    """Draws pairs whose parts have the same label; the labels that all sets have are balanced."""
    common = [
        label for label in range(len(EMOTIONS)) if all((s.truth == label).any() for s in sets)
    ]
    if not common:
        raise DatasetError("the data of the modalities have no emotion in common")
    truth = rng.choice(common, count)
    probabilities = np.zeros((count, len(sets), len(EMOTIONS)), np.float32)
    for place, one in enumerate(sets):
        for label in common:
            rows = np.flatnonzero(truth == label)
            probabilities[rows, place] = one.probabilities[
                rng.choice(np.flatnonzero(one.truth == label), len(rows))
            ]
    return Cases(probabilities, truth, tuple(one.modality for one in sets))


def with_other_person(cases: Cases, modality: str, rng: np.random.Generator) -> Cases:
    """Returns the cases with one modality's predictions shuffled, so that its person is wrong."""
    probabilities = cases.alone(modality)
    return cases.with_probabilities(modality, probabilities[rng.permutation(len(probabilities))])


def pair_metrics(probabilities: FloatArray, truth: Indices) -> dict[str, float]:
    """Returns accuracy, mean recall, macro-F1 and calibration error of float32[cases, 7]."""
    found = scores(probabilities, truth)
    ece = expected_calibration_error(probabilities, truth)
    return {name: found[name] for name in ("accuracy", "uar", "macro_f1")} | {"ece": ece}
