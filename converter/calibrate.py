"""Fits what the training left open to held-back data: temperature and thresholds."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from edge.emotions import FloatArray, softmax

TEMPERATURE_RANGE = (0.2, 5.0)


def fit_temperature(logits: FloatArray, targets: FloatArray) -> float:
    """The temperature that makes `targets`, distributions, most likely (Guo et al. 2017).

    `logits` and `targets` are float32[samples, labels].
    """

    def loss(temperature: float) -> float:
        likelihoods = np.log(softmax(logits, temperature) + 1e-9)
        return float(-(targets * likelihoods).sum(axis=1).mean())

    fitted = minimize_scalar(loss, bounds=TEMPERATURE_RANGE, method="bounded")
    return round(float(fitted.x), 4)


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
