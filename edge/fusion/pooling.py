"""Pools observations of several modalities into one belief: pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.emotions import EMOTIONS, MIN_PROBABILITY, FloatArray, softmax
from edge.fusion.model import FusionModel
from edge.values import Belief, Observation

# Added to every observation's weight: where all have a quality of 0, they count the same.
TRUST_OFFSET = 1e-6
MAX_ENTROPY_NEPERS = np.float32(np.log(len(EMOTIONS)))


@dataclass(frozen=True)
class Evidence:
    """Distributions to fuse: n observations, or n of each of many cases in the leading axes."""

    probabilities: FloatArray
    """float32[..., n, 7], distributions."""
    trust: FloatArray
    """float32[..., n], quality and age as one factor, 0..1."""
    modalities: Sequence[str]
    """n names."""


Strategy = Callable[[Evidence, FusionModel], tuple[FloatArray, FloatArray]]
"""Returns distributions, float32[..., 7], and the weights behind them, float32[..., n, 7]."""


def log_linear(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the weighted product (a log-linear opinion pool, Genest 1984).

    An observation's weight on an emotion is its modality's reliability there times its trust. The
    largest weight becomes exponent one and the others follow in proportion, so that agreement
    strengthens the belief, and a lone observation is returned unchanged.
    """
    trust = _reliable_trust(evidence, model)
    exponents = trust / trust.max(axis=-2, keepdims=True)
    return _product(evidence, exponents, model), exponents


def average(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the mean with the weights of `log_linear` (a linear opinion pool, Stone 1961)."""
    trust = _reliable_trust(evidence, model)
    mean = (trust * evidence.probabilities).sum(axis=-2) / trust.sum(axis=-2)
    return mean / mean.sum(axis=-1, keepdims=True), trust


def attention(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the weighted product, with weights from `model.gate`.

    The gate sees an observation's modality and trust, its certainty, and how far it agrees with
    the others (the mean of Bhattacharyya coefficients).
    """
    gate, probabilities = model.gate, evidence.probabilities
    information = probabilities * np.log(np.maximum(probabilities, MIN_PROBABILITY))
    roots = np.sqrt(probabilities)
    alike = roots @ np.swapaxes(roots, -1, -2)
    agreement = (alike.sum(axis=-1) - 1) / max(len(evidence.modalities) - 1, 1)
    scores = (
        np.array([gate.modalities.get(name, 0.0) for name in evidence.modalities])
        + gate.trust * np.log(evidence.trust)
        + gate.certainty * (1 + information.sum(axis=-1) / MAX_ENTROPY_NEPERS)
        + gate.agreement * agreement
    )
    weights = softmax(np.asarray(scores, np.float32))[..., None]
    # The number of equally weighted observations that would have the same spread of weights.
    effective_count = 1 / np.square(weights).sum(axis=-2, keepdims=True)
    weights = weights * (1 + np.float32(gate.strength) * (effective_count - 1))
    exponents = np.repeat(weights, len(EMOTIONS), axis=-1)
    return _product(evidence, exponents, model), exponents


STRATEGIES: dict[str, Strategy] = {
    "log_linear": log_linear,
    "average": average,
    "attention": attention,
}
"""By their names in the configuration."""


def fuse(
    observations: Sequence[Observation],
    strategy: Strategy,
    model: FusionModel,
    now_s: float,
    half_life_s: float,
) -> Belief:
    """Fuses one or more observations at `now_s`; trust halves every `half_life_s`.

    A lone observation is returned unchanged, whatever the strategy.
    """
    if len(observations) == 1:
        (lone,) = observations
        return Belief(lone.probabilities, {lone.modality: 1.0}, lone.captured_s)
    trust = [
        one.quality * 0.5 ** (max(now_s - one.captured_s, 0.0) / half_life_s) + TRUST_OFFSET
        for one in observations
    ]
    modalities = [one.modality for one in observations]
    evidence = Evidence(
        np.array([one.probabilities for one in observations], np.float32),
        np.array(trust, np.float32),
        modalities,
    )
    probabilities, weights = strategy(evidence, model)
    shares = weights.sum(axis=-1)
    shares /= shares.sum()
    contributions: dict[str, float] = {}
    for modality, share in zip(modalities, shares.tolist(), strict=True):
        contributions[modality] = contributions.get(modality, 0.0) + share
    return Belief(probabilities, contributions, max(one.captured_s for one in observations))


def pool(observations: Sequence[Observation]) -> Observation:
    """Pools one or more observations of one modality over a clip or an utterance.

    Returns the geometric mean of their probabilities, weighted by quality.
    """
    weights = np.array([one.quality + TRUST_OFFSET for one in observations], np.float32)
    logs = np.log([np.maximum(one.probabilities, MIN_PROBABILITY) for one in observations])
    native = {
        label: float(np.average([one.native[label] for one in observations], weights=weights))
        for label in observations[0].native
    }
    newest = observations[-1]
    return Observation(
        newest.modality,
        newest.subject,
        newest.captured_s,
        softmax(np.average(logs, axis=0, weights=weights).astype(np.float32)),
        float(weights.max()),
        native,
    )


def _reliable_trust(evidence: Evidence, model: FusionModel) -> FloatArray:
    """float32[..., n, 7]."""
    learned = np.array([model.reliability_of(name) for name in evidence.modalities])
    return np.asarray(evidence.trust[..., None] * learned, np.float32)


def _product(evidence: Evidence, exponents: FloatArray, model: FusionModel) -> FloatArray:
    """Multiplies the ratios of evidence to prior, each raised to its exponent.

    Evidence is taken relative to the prior: otherwise an emotion that is weighted higher would
    lose by that alone, all logarithms of probabilities being negative. An observation may be an
    outlier, which carries no information (a mixture, as in Box and Tiao 1968), so its influence is
    bounded however confident it is: two that agree win against it. Outlier probability and
    sharpness apply only as far as an observation is not alone.
    """
    shares = np.add.reduce(exponents, axis=-1, keepdims=True)
    shares = shares / np.add.reduce(shares, axis=-2, keepdims=True)
    company = 1 - np.add.reduce(shares * shares, axis=-2, keepdims=True)
    sharpness = 1 + np.float32(model.sharpness - 1) * company
    ratios = np.maximum(evidence.probabilities, MIN_PROBABILITY) / model.prior
    sharpened = model.prior * ratios ** (sharpness * exponents)
    sharpened /= np.add.reduce(sharpened, axis=-1, keepdims=True)
    outliers = np.array([model.outlier_of(name) for name in evidence.modalities], np.float32)
    outlier = outliers[:, None] * (1 - shares)
    mixture = np.maximum((1 - outlier) * sharpened + outlier * model.prior, MIN_PROBABILITY)
    return softmax(np.log(model.prior) + np.add.reduce(np.log(mixture / model.prior), axis=-2))
