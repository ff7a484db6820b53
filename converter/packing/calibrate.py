"""Fits temperature, prior correction and thresholds to held-back data."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score, precision_recall_curve

from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme
from edge.emotions import FloatArray, softmax

TEMPERATURE_RANGE = (0.2, 5.0)
CORRECTION_STRENGTHS = tuple(step / 20 for step in range(21))
# A label is rare below this fraction of an equal share among all labels.
RARE_SHARE = 0.5
# Largest loss of accuracy, as a share of the samples, accepted for a better macro-F1.
ACCURACY_PRICE = 0.01


def fit_temperature(
    logits: FloatArray, targets: FloatArray, weights: FloatArray | None = None
) -> float:
    """Returns the temperature that makes `targets`, distributions, most likely (Guo et al. 2017).

    `logits` and `targets` are float32[samples, labels]; samples count equally, or by `weights`.
    """

    def loss(temperature: float) -> float:
        likelihoods = np.log(softmax(logits, temperature) + 1e-9)
        return -float(np.average((targets * likelihoods).sum(axis=1), weights=weights))

    fitted = minimize_scalar(loss, bounds=TEMPERATURE_RANGE, method="bounded")
    return round(float(fitted.x), 4)


def rare_log_prior(targets: FloatArray) -> FloatArray:
    """Returns the log of each rare label's prior relative to RARE_SHARE, float32[labels].

    It is 0 for labels that are not rare, and for those that do not occur, which are not trained.
    """
    prior = targets.mean(axis=0)
    relative = prior * len(prior) / RARE_SHARE
    return np.asarray(np.log(np.where(prior > 0, np.minimum(relative, 1), 1)), np.float32)


def fit_prior_correction(
    logits: FloatArray, truth: npt.NDArray[np.intp], rare_log_prior: FloatArray
) -> float:
    """Returns the share of `rare_log_prior` to subtract from the logits, 0..1.

    A network trained on unbalanced classes hardly ever predicts a rare one. Subtracting a share of
    the log prior corrects that (Menon et al. 2021, post hoc). Doing so only for rare classes finds
    as many of them at half the cost in accuracy on frequent ones. Among the strengths that cost at
    most ACCURACY_PRICE, this is the one with the best macro-F1; recall alone would accept any
    number of false alarms for one more rare face.
    """

    def scores(strength: float) -> tuple[float, float]:
        guess = (logits - strength * rare_log_prior).argmax(axis=1)
        return float((guess == truth).mean()), float(f1_score(truth, guess, average="macro"))

    found = {strength: scores(strength) for strength in CORRECTION_STRENGTHS}
    least_accuracy = found[0.0][0] - ACCURACY_PRICE
    allowed = {s: f1 for s, (accuracy, f1) in found.items() if accuracy >= least_accuracy}
    return max(allowed, key=lambda strength: allowed[strength])


def fit_threshold(probabilities: FloatArray, present: npt.NDArray[np.bool_]) -> float:
    """Returns the probability of a label from which predicting it gives the best F1."""
    precision, recall, steps = precision_recall_curve(present, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(steps[f1[:-1].argmax()])


def fit_thresholds(
    probabilities: FloatArray, samples: Samples, schemes: Mapping[str, AnnotationScheme]
) -> dict[str, dict[str, float]]:
    """Returns, for each data set and each of its labels, the probability to predict it from.

    It is the geometric mean of the threshold that fits the data set's few texts and the one that
    fits its whole family. `probabilities`, float32[samples, labels], are those of `samples`, whose
    groups are data sets.
    """
    groups = np.array(samples.groups)
    thresholds: dict[str, dict[str, float]] = {dataset: {} for dataset in schemes}
    for label in samples.labels:
        annotated = {name: one for name, one in schemes.items() if label in one.labels}
        for dataset, own in annotated.items():
            predicted = own.column(label, probabilities, samples.labels)
            present = own.column(label, samples.targets, samples.labels) > 0
            relatives = [name for name, other in annotated.items() if other.family == own.family]
            fits = [
                fit_threshold(predicted[rows], present[rows])
                for rows in (groups == dataset, np.isin(groups, relatives))
                if present[rows].any()
            ]
            between = float(np.prod(fits) ** (1 / len(fits))) if fits else 1.0
            thresholds[dataset][label] = round(between, 4)
    return thresholds
