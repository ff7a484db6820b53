"""Fits what the training left open to held-back data: temperature and thresholds."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score, precision_recall_curve

from edge.emotions import FloatArray, softmax

TEMPERATURE_RANGE = (0.2, 5.0)
CORRECTION_STRENGTHS = tuple(step / 20 for step in range(21))
# Share of the samples that may be lost so that rare classes are found at all.
ACCURACY_PRICE = 0.01


def fit_temperature(logits: FloatArray, targets: FloatArray) -> float:
    """The temperature that makes `targets`, distributions, most likely (Guo et al. 2017).

    `logits` and `targets` are float32[samples, labels].
    """

    def loss(temperature: float) -> float:
        likelihoods = np.log(softmax(logits, temperature) + 1e-9)
        return float(-(targets * likelihoods).sum(axis=1).mean())

    fitted = minimize_scalar(loss, bounds=TEMPERATURE_RANGE, method="bounded")
    return round(float(fitted.x), 4)


def log_prior(targets: FloatArray) -> FloatArray:
    """The logarithm of each label's share of `targets`; 0 for a label that does not occur.

    So the correction neither helps nor hurts a label that nothing could be learned of.
    """
    prior = targets.mean(axis=0)
    return np.asarray(np.log(np.where(prior > 0, prior, 1)), np.float32)


def fit_prior_correction(
    logits: FloatArray, truth: npt.NDArray[np.intp], log_prior: FloatArray
) -> float:
    """How much of the log prior to take off the logits, 0..1 (Menon et al. 2021, post hoc).

    A network trained on unequal classes hardly ever names a rare one. Of the strengths that cost
    at most ACCURACY_PRICE, this is the one with the best macro-F1.
    """

    def scores(strength: float) -> tuple[float, float]:
        guess = (logits - strength * log_prior).argmax(axis=1)
        macro_f1 = f1_score(truth, guess, average="macro", zero_division=0)
        return float((guess == truth).mean()), float(macro_f1)

    found = {strength: scores(strength) for strength in CORRECTION_STRENGTHS}
    least_accuracy = found[0.0][0] - ACCURACY_PRICE
    allowed = {s: f1 for s, (accuracy, f1) in found.items() if accuracy >= least_accuracy}
    return max(allowed, key=lambda strength: allowed[strength])


def fit_thresholds(
    probabilities: FloatArray, present: npt.NDArray[np.bool_], labels: tuple[str, ...]
) -> dict[str, float]:
    """For each label the probability from which calling it present gives the best F1."""
    thresholds = {}
    for index, label in enumerate(labels):
        precision, recall, steps = precision_recall_curve(
            present[:, index], probabilities[:, index]
        )
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        thresholds[label] = round(float(steps[f1[:-1].argmax()]), 4)
    return thresholds
