"""Metrics of a model's predictions for labelled samples."""

from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, precision_score, recall_score

from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme
from edge.emotions import EMOTIONS, FloatArray, label_matrix, to_seven
from edge.perception.manifest import Manifest, Metric

CALIBRATION_BINS = 15
MULTILABEL_F1 = "f1_multilabel"
MULTILABEL_MEAN = f"macro_{MULTILABEL_F1}"
"""Names of multi-label metrics: `<MULTILABEL_F1>_<label>`, and their mean."""

SHARES = {
    "accuracy": "accuracy",
    "uar": "unweighted average recall",
    "macro_f1": "macro-F1",
    "macro_f1_seven": "macro-F1 over the seven",
    "weighted_f1": "weighted F1",
    "weighted_f1_seven": "weighted F1 over the seven",
    MULTILABEL_MEAN: "macro-F1, several labels a sample",
    "ece_uncalibrated": "calibration error (ECE) before calibration",
    "ece": "calibration error (ECE) as it ships",
}
"""The shares that describe a model as a whole, with their headings, in order."""

ModelVariant = Literal["int8", "float32"]


def expected_calibration_error(probabilities: FloatArray, truth: npt.NDArray[np.intp]) -> float:
    """Returns the mean gap of confidence and accuracy over equal bins (Naeini et al. 2015)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(float(confidence[bins == index].sum() - correct[bins == index].sum()))
        for index in np.unique(bins)
    ]
    return sum(gaps) / len(confidence)


def majority_scores(probabilities: FloatArray, samples: Samples) -> dict[str, float]:
    """Returns the `scores` of predictions, by the most likely label of each sample."""
    return scores(probabilities, samples.majority)


def scores(probabilities: FloatArray, truth: npt.NDArray[np.intp]) -> dict[str, float]:
    """Returns accuracy, unweighted average recall and F1 over the labels that occur.

    `macro_f1` is the mean F1 of the labels, `weighted_f1` weighs each by its number of samples.
    """
    guess = probabilities.argmax(axis=1)
    occurring = {"labels": np.unique(truth), "zero_division": 0}
    accuracy, recall = accuracy_and_recall(guess, truth)
    return {
        "accuracy": accuracy,
        "uar": recall,
        "macro_f1": f1_score(truth, guess, average="macro", **occurring),
        "weighted_f1": f1_score(truth, guess, average="weighted", **occurring),
    }


def accuracy_and_recall(
    guess: npt.NDArray[np.intp], truth: npt.NDArray[np.intp]
) -> tuple[float, float]:
    """Returns accuracy and unweighted average recall, over the labels that occur.

    Calibration asks for both dozens of times; scikit-learn takes a hundred times as long.
    """
    counts = np.bincount(truth)
    hits = np.bincount(truth, guess == truth)
    return float(hits.sum() / counts.sum()), float((hits[counts > 0] / counts[counts > 0]).mean())


def compute_metrics(
    probabilities: FloatArray, uncalibrated: FloatArray, samples: Samples, manifest: Manifest
) -> dict[str, float]:
    """Returns all metrics of a model: over its labels, for each, and for the seven."""
    truth, guess = samples.majority, probabilities.argmax(axis=1)
    found = majority_scores(probabilities, samples) | {
        "ece": expected_calibration_error(probabilities, truth),
        "ece_uncalibrated": expected_calibration_error(uncalibrated, truth),
    }
    occurring = np.unique(truth)
    for name, score in (("precision", precision_score), ("recall", recall_score)):
        values = score(truth, guess, average=None, labels=occurring, zero_division=0)
        names = (f"{name}_{manifest.labels[index]}" for index in occurring)
        found |= dict(zip(names, values, strict=True))
    return found | seven_scores(probabilities, samples, manifest)


def multilabel_f1(
    probabilities: FloatArray,
    samples: Samples,
    scheme: AnnotationScheme,
    thresholds: Mapping[str, float],
) -> dict[str, float]:
    """Returns the F1 of each label that annotators could give and that occurs, and their mean.

    A label is predicted from its threshold on; labels without one are left out. May be empty.
    """
    found = {}
    for label in scheme.labels:
        present = scheme.column(label, samples.targets, samples.labels) > 0
        if present.any() and label in thresholds:
            called = scheme.column(label, probabilities, samples.labels) >= thresholds[label]
            found[f"{MULTILABEL_F1}_{label}"] = float(f1_score(present, called, zero_division=0))
    return {MULTILABEL_MEAN: float(np.mean(list(found.values())))} | found if found else {}


def mean_metrics(parts: Collection[Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean of each metric over the parts that have it."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: float(np.mean([part[name] for part in parts if name in part])) for name in names}


def seven_scores(
    probabilities: FloatArray, samples: Samples, manifest: Manifest
) -> dict[str, float]:
    """Returns the figures over the seven emotions, as a device answers, without other labels.

    They are `accuracy_seven`, `uar_seven`, `ece_seven`, `macro_f1_seven` and `weighted_f1_seven`,
    whose means are over the emotions that occur, the recall of each of those as
    `recall_<emotion>_seven`, and its F1 as `f1_<emotion>`. Empty if none of them occurs.
    """
    matrix = label_matrix(manifest.labels, manifest.label_map)
    known = (samples.targets @ matrix).sum(axis=1) > 0
    if not known.any():
        return {}
    truth = to_seven(samples.targets[known], matrix).argmax(axis=1)
    answers = to_seven(probabilities[known], matrix)
    guess = answers.argmax(axis=1)
    found = scores(answers, truth) | {"ece": expected_calibration_error(answers, truth)}
    occurring = np.unique(truth)
    for index in occurring:
        found[f"recall_{EMOTIONS[index]}"] = float((guess[truth == index] == index).mean())
    each = f1_score(truth, guess, average=None, labels=occurring, zero_division=0)
    return {f"{name}_seven": value for name, value in found.items()} | {
        f"f1_{EMOTIONS[index]}": score for index, score in zip(occurring, each, strict=True)
    }


def as_metrics(
    found: dict[str, float], dataset: str, split: str, n: int, of: ModelVariant = "int8"
) -> tuple[Metric, ...]:
    """Returns metrics of `n` samples in the form of a manifest."""
    return tuple(
        Metric(dataset, split, name, round(float(value), 4), n, of) for name, value in found.items()
    )
