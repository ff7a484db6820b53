"""Pools observations of several modalities into one belief: pure functions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge.emotions import EMOTIONS, MIN_PROBABILITY, FloatArray, softmax
from edge.fusion.model import FusionModel
from edge.fusion.network import company
from edge.values import Belief, Observation

# Added to every observation's weight: where all have a quality of 0, they count the same.
TRUST_OFFSET = 1e-6
# Exponent of the support that an emotion has which no observation names: hardly more than a bound.
UNNAMED = np.float32(0.1)
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

    @cached_property
    def shares(self) -> FloatArray:
        """Each observation's share of the trust, float32[..., n, 1]."""
        shares = self.trust / self.trust.sum(axis=-1, keepdims=True)
        return np.asarray(shares[..., None], np.float32)


Strategy = Callable[[Evidence, FusionModel], tuple[FloatArray, FloatArray]]
"""Returns distributions, float32[..., 7], and the weights behind them, float32[..., n, 7]."""


def log_linear(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the weighted product (a log-linear opinion pool, Genest 1984).

    An observation's exponent on an emotion is its modality's reliability there times its trust,
    relative to the most trusted one, so that agreement strengthens the belief.
    """
    relative = (evidence.trust / evidence.trust.max(axis=-1, keepdims=True))[..., None]
    tempers = _tempers(evidence, model)
    return _product(evidence, relative * tempers, model), relative * tempers


def average(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the mean, weighted by trust and reliability (a linear opinion pool, Stone 1961)."""
    tempers = _tempers(evidence, model)
    tempered = softmax(tempers * centred_logs(evidence.probabilities))
    weights = evidence.trust[..., None] * tempers
    shares = weights.mean(axis=-1, keepdims=True)
    return (shares * tempered).sum(axis=-2) / shares.sum(axis=-2), weights


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
    exponents = weights * _tempers(evidence, model)
    return _product(evidence, exponents, model), exponents


def feature(evidence: Evidence, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """Returns the weighted product, corrected by `model.network` where several are observed."""
    product, weights = log_linear(evidence, model)
    if model.network is None:
        return product, weights
    logs = centred_logs(evidence.probabilities)
    correction = model.network.correction(logs, evidence.trust, evidence.modalities)
    return softmax(np.log(np.maximum(product, MIN_PROBABILITY)) + correction), weights


STRATEGIES: dict[str, Strategy] = {
    "log_linear": log_linear,
    "average": average,
    "attention": attention,
    "feature": feature,
}
"""By their names in the configuration."""


def centred_logs(probabilities: FloatArray) -> FloatArray:
    """Returns the evidence of distributions, float32[..., 7]: log probabilities less their mean.

    Without that an emotion weighted higher would lose by that alone, all logarithms being negative.
    """
    logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    means = np.add.reduce(logs, axis=-1, keepdims=True) / np.float32(logs.shape[-1])
    return np.asarray(logs - means, np.float32)


def combine(
    evidence: Evidence, strategy: Strategy, model: FusionModel
) -> tuple[FloatArray, FloatArray]:
    """Returns what a strategy makes of the evidence, held to what the observations name.

    Several that carry an emotion weakly do not add up to it: the first place goes to the first
    place of one of them. The belief in any other emotion is at most that in the best one named, and
    less, the less probable it is beside the one named in the observation that supports it most.
    """
    belief, weights = strategy(evidence, model)
    relative = evidence.probabilities / evidence.probabilities.max(axis=-1, keepdims=True)
    support = relative.max(axis=-2)
    named = np.where(support == 1, belief, 0).max(axis=-1, keepdims=True)
    held = np.minimum(belief, support**UNNAMED * named)
    return held / held.sum(axis=-1, keepdims=True), weights


def fuse(
    observations: Sequence[Observation],
    strategy: Strategy,
    model: FusionModel,
    now_s: float,
    half_life_s: float,
) -> Belief:
    """Fuses one or more observations at `now_s`; trust halves every `half_life_s`."""
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
    probabilities, weights = combine(evidence, strategy, model)
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


def pool_main(observations: Iterable[Observation]) -> Observation | None:
    """Pools the observations of the subject that has most of them; None without any."""
    by_subject: dict[int, list[Observation]] = {}
    for one in observations:
        by_subject.setdefault(one.subject, []).append(one)
    return pool(max(by_subject.values(), key=len)) if by_subject else None


def _tempers(evidence: Evidence, model: FusionModel) -> FloatArray:
    """Exponents, float32[..., n, 7], that make the evidence count as much as it is worth.

    They go over from those of a lone observation to those of one among others as far as an
    observation is not alone.
    """
    together = company(evidence.shares[..., 0])[..., None]
    alone = np.array([model.alone_of(name) for name in evidence.modalities], np.float32)
    beside = np.array([model.reliability_of(name) for name in evidence.modalities], np.float32)
    return np.asarray((1 - together) * alone[:, None] + together * beside, np.float32)


def _product(evidence: Evidence, exponents: FloatArray, model: FusionModel) -> FloatArray:
    """Multiplies the distributions, each raised to its exponents.

    An observation may be an outlier, which carries no information (a mixture, as in Box and Tiao
    1968), so its influence is bounded however confident it is: two that agree win against it.
    Outlier probability applies only as far as an observation is not alone.
    """
    sharpened = softmax(exponents * centred_logs(evidence.probabilities))
    outliers = np.array([model.outlier_of(name) for name in evidence.modalities], np.float32)
    outlier = outliers[:, None] * (1 - evidence.shares)
    mixture = (1 - outlier) * sharpened + outlier / np.float32(len(EMOTIONS))
    return softmax(np.log(np.maximum(mixture, MIN_PROBABILITY)).sum(axis=-2))
