"""Fits the network of the strategy `feature` to people and simulated pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from converter.fusion.exponents import Numbers, PairSet
from edge.emotions import DIGITS, EMOTIONS, MIN_PROBABILITY, softmax
from edge.fusion.model import FusionModel
from edge.fusion.network import INPUTS_EACH, Layer, NetworkFile, network_inputs
from edge.fusion.pooling import centred_logs, log_linear

UNITS = 16
# Strength of the pull of all weights towards zero, where the weighted product is not corrected.
DECAY = 0.05
MAX_ITERATIONS = 150
START_DEVIATION = 0.3
MAX_STEP = 127


def fit_network(
    sets: Sequence[PairSet], model: FusionModel, names: Sequence[str], sharpness: float, seed: int
) -> NetworkFile:
    """Fits a network that corrects the weighted product of `model`; rounds its weights to int8.

    Minimizes the cross-entropy over the labels that occur in each set. Simulated pairs count raised
    to `sharpness`, as elsewhere in fusion.
    """
    parts = [_Part.of(one, model, names, sharpness) for one in sets]
    sizes = (len(names) * INPUTS_EACH + 1, UNITS), (UNITS + 1, len(EMOTIONS))
    count = sizes[0][0] * sizes[0][1]

    def loss(numbers: Numbers) -> tuple[float, Numbers]:
        hidden, output = numbers[:count].reshape(sizes[0]), numbers[count:].reshape(sizes[1])
        total, gradient = DECAY * float((numbers**2).sum()), 2 * DECAY * numbers
        for part in parts:
            own, *slopes = part.loss(hidden, output)
            total += own
            gradient = gradient + np.concatenate([one.ravel() for one in slopes])
        return total, gradient

    rng = np.random.default_rng(seed)
    start = np.concatenate([rng.normal(0, START_DEVIATION, count), np.zeros(sizes[1]).ravel()])
    options = {"maxiter": MAX_ITERATIONS}
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return NetworkFile(
        tuple(names),
        _layer(fitted[:count].reshape(sizes[0])),
        _layer(fitted[count:].reshape(sizes[1])),
    )


def _layer(numbers: Numbers) -> Layer:
    """Returns a layer with int8 weights; the last row are its biases."""
    weights, biases = numbers[:-1], numbers[-1]
    scale = max(float(np.abs(weights).max()) / MAX_STEP, 1e-6)
    steps = np.rint(weights / scale).astype(int).clip(-MAX_STEP, MAX_STEP)
    return Layer(
        tuple(map(tuple, steps.tolist())), scale, tuple(round(float(one), DIGITS) for one in biases)
    )


@dataclass(frozen=True)
class _Part:
    """One set, prepared for the loss and its gradient."""

    inputs: Numbers
    """float64[cases, inputs + 1], the last one for the biases."""
    together: Numbers
    base: Numbers
    """float64[cases, 7], log probabilities of the weighted product; -inf for labels not offered."""
    truth: npt.NDArray[np.intp]
    weight: float
    sharpness: float

    @classmethod
    def of(
        cls, pairs: PairSet, model: FusionModel, names: Sequence[str], sharpness: float
    ) -> "_Part":
        """Prepares a set for a network whose inputs are of these modalities."""
        cases = pairs.cases
        trust = np.ones(cases.probabilities.shape[:2], np.float32)
        evidence = centred_logs(cases.probabilities)
        inputs, together = network_inputs(names, evidence, trust, cases.modalities)
        fused = cases.fused(log_linear, model)
        offered = np.isin(np.arange(len(EMOTIONS)), cases.truth)
        return cls(
            np.hstack([inputs, np.ones((len(inputs), 1))]),
            together.astype(np.float64),
            np.log(np.maximum(fused, MIN_PROBABILITY)) + np.where(offered, 0.0, -np.inf),
            cases.truth,
            pairs.weight,
            sharpness if pairs.is_simulated else 1.0,
        )

    def loss(self, hidden: Numbers, output: Numbers) -> tuple[float, Numbers, Numbers]:
        """Returns the loss and its derivatives by both layers."""
        units = np.maximum(self.inputs @ hidden, 0)
        extended = np.hstack([units, np.ones((len(units), 1))])
        logits = self.sharpness * (self.base + self.together * (extended @ output))
        probabilities = softmax(logits.astype(np.float32)).astype(np.float64)
        cases = np.arange(len(self.truth))
        total = -float(np.log(probabilities[cases, self.truth] + 1e-9).mean())
        errors = probabilities
        errors[cases, self.truth] -= 1
        errors *= self.weight * self.sharpness * self.together / len(cases)
        back = (errors @ output[:-1].T) * (units > 0)
        return self.weight * total, self.inputs.T @ back, extended.T @ errors
