"""Fits the exponents of a weighted product of distributions, which is a logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from converter.fusion.simulated_pairs import Cases
from edge.emotions import EMOTIONS, softmax
from edge.fusion.pooling import centred_logs

Numbers = npt.NDArray[np.float64]

MIN_EXPONENT = 0.02
# Strength of the pull of a modality's exponents towards their mean: rare emotions teach little.
ALIKE = 0.05
MAX_LOG_SHARPNESS = 2.0


@dataclass(frozen=True)
class PairSet:
    """Pairs of one source and their weight in the loss."""

    cases: Cases
    weight: float
    is_simulated: bool = False
    """Beliefs count raised to a common exponent: these pairs say nothing about confidence."""


def fit_exponents(sets: Sequence[PairSet], names: Sequence[str]) -> tuple[Numbers, float]:
    """Returns exponents, float64[modalities, 7], and the sharpness of simulated pairs.

    Minimizes the cross-entropy over the labels that occur in each set.
    """
    parts = [_Part(one, names) for one in sets]

    def loss(numbers: Numbers) -> tuple[float, Numbers]:
        exponents, gradient = numbers[:-1].reshape(len(names), -1), np.zeros_like(numbers)
        differences = exponents - exponents.mean(axis=1, keepdims=True)
        total = ALIKE * float((differences**2).sum())
        gradient[:-1] = 2 * ALIKE * differences.ravel()
        for part in parts:
            own, of_exponents, of_sharpness = part.loss(exponents, float(np.exp(numbers[-1])))
            total += own
            gradient[:-1] += of_exponents.ravel()
            gradient[-1] += of_sharpness
        return total, gradient

    start = np.append(np.full(len(names) * len(EMOTIONS), 0.5), 0.0)
    bounds = [(MIN_EXPONENT, 1.0)] * (len(start) - 1) + [(0.0, MAX_LOG_SHARPNESS)]
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return fitted[:-1].reshape(len(names), -1), float(np.exp(fitted[-1]))


class _Part:
    """One set, prepared for the loss and its gradient."""

    def __init__(self, pairs: PairSet, names: Sequence[str]) -> None:
        self._weight, self._is_simulated = pairs.weight, pairs.is_simulated
        self._truth = pairs.cases.truth
        self._rows = [names.index(one) for one in pairs.cases.modalities]
        self._evidence = centred_logs(pairs.cases.probabilities).astype(np.float64)
        offered = np.isin(np.arange(len(EMOTIONS)), self._truth)
        self._mask = np.where(offered, 0.0, -np.inf)

    def loss(self, exponents: Numbers, sharpness: float) -> tuple[float, Numbers, float]:
        """Returns the loss and its derivatives by the exponents and the logarithm of sharpness."""
        sharpness = sharpness if self._is_simulated else 1.0
        logits = (exponents[self._rows] * self._evidence).sum(axis=1)
        probabilities = softmax((sharpness * logits + self._mask).astype(np.float32))
        cases = np.arange(len(self._truth))
        total = -float(np.log(probabilities[cases, self._truth] + 1e-9).mean())
        errors = probabilities.astype(np.float64)
        errors[cases, self._truth] -= 1
        errors *= self._weight / len(cases)
        gradient = np.zeros_like(exponents)
        gradient[self._rows] = sharpness * (errors[:, None] * self._evidence).sum(axis=0)
        of_sharpness = sharpness * float((errors * logits).sum()) if self._is_simulated else 0.0
        return self._weight * total, gradient, of_sharpness
