"""Fits what the training left open to held-back data: temperature and thresholds."""

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
# Of an equal share among all labels: what is below is rare.
RARE_SHARE = 0.5
# Share of the samples that may be lost so that rare classes are found at all.
ACCURACY_PRICE = 0.01


def fit_temperature(
    logits: FloatArray, targets: FloatArray, weights: FloatArray | None = None
) -> float:
    """The temperature that makes `targets`, distributions, most likely (Guo et al. 2017).

    `logits` and `targets` are float32[samples, labels]; the samples count alike, or by `weights`.
    """

    def loss(temperature: float) -> float:
        likelihoods = np.log(softmax(logits, temperature) + 1e-9)
        return -float(np.average((targets * likelihoods).sum(axis=1), weights=weights))

    fitted = minimize_scalar(loss, bounds=TEMPERATURE_RANGE, method="bounded")
    return round(float(fitted.x), 4)


def rare_log_prior(targets: FloatArray) -> FloatArray:
    """The logarithm of how far each label's share of `targets` is below RARE_SHARE; else 0.

    Also 0 for a label that does not occur: nothing could be learned of it.
    """
    prior = targets.mean(axis=0)
    relative = prior * len(prior) / RARE_SHARE
    return np.asarray(np.log(np.where(prior > 0, np.minimum(relative, 1), 1)), np.float32)


def fit_prior_correction(
    logits: FloatArray, truth: npt.NDArray[np.intp], rare_log_prior: FloatArray
) -> float:
    """How much of their `rare_log_prior` to take off the logits, 0..1.

    A network trained on unequal classes hardly ever names a rare one. Taking off a share of the
    log prior corrects that (Menon et al. 2021, post hoc); here it is only done for rare classes,
    which finds as many of them at half the cost in accuracy among the frequent ones. Of the
    strengths that cost at most ACCURACY_PRICE, this is the one with the best macro-F1: recall alone
    would take any number of false alarms for one rare face more.
    """

    def scores(strength: float) -> tuple[float, float]:
        guess = (logits - strength * rare_log_prior).argmax(axis=1)
        return float((guess == truth).mean()), float(f1_score(truth, guess, average="macro"))

    found = {strength: scores(strength) for strength in CORRECTION_STRENGTHS}
    least_accuracy = found[0.0][0] - ACCURACY_PRICE
    allowed = {s: f1 for s, (accuracy, f1) in found.items() if accuracy >= least_accuracy}
    return max(allowed, key=lambda strength: allowed[strength])


def fit_threshold(probabilities: FloatArray, present: npt.NDArray[np.bool_]) -> float:
    """The probability of a label, present at times, from which calling it so gives the best F1."""
    precision, recall, steps = precision_recall_curve(present, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(steps[f1[:-1].argmax()])


def fit_thresholds(
    probabilities: FloatArray, samples: Samples, schemes: Mapping[str, AnnotationScheme]
) -> dict[str, dict[str, float]]:
    """For each data set, and each label that it judges, the probability from which it is present.

    That is half way, by the geometric mean, between what fits the few texts of the set itself and
    what fits all of its family. `probabilities`, float32[samples, labels], are those of `samples`,
    whose groups are data sets.
    """
    groups = np.array(samples.groups)
    thresholds: dict[str, dict[str, float]] = {dataset: {} for dataset in schemes}
    for label in samples.labels:
        asked = {name: one for name, one in schemes.items() if label in one.labels}
        for dataset, own in asked.items():
            said = own.column(label, probabilities, samples.labels)
            present = own.column(label, samples.targets, samples.labels) > 0
            relatives = [name for name, other in asked.items() if other.family == own.family]
            fits = [
                fit_threshold(said[rows], present[rows])
                for rows in (groups == dataset, np.isin(groups, relatives))
                if present[rows].any()
            ]
            between = float(np.prod(fits) ** (1 / len(fits))) if fits else 1.0
            thresholds[dataset][label] = round(between, 4)
    return thresholds
