"""Observations of several modalities in, one belief out: pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.emotions import EMOTIONS, SMALLEST_PROBABILITY, FloatArray, softmax
from edge.fusion.model import FusionModel
from edge.values import Belief, Observation

# Weight of an observation that has none: where all are such, they count alike.
LEAST_TRUST = 1e-6
MOST_UNCERTAIN = np.float32(np.log(len(EMOTIONS)))


@dataclass(frozen=True)
class Voices:
    """What is fused: n observations, or n of each of many cases in the leading axes."""

    said: FloatArray
    """float32[..., n, 7], distributions."""
    trust: FloatArray
    """float32[..., n], quality and age as one factor, 0..1."""
    modalities: Sequence[str]
    """n names."""


Strategy = Callable[[Voices, FusionModel], tuple[FloatArray, FloatArray]]
"""Gives distributions, float32[..., 7], and the weights that led there, float32[..., n, 7]."""


def log_linear(voices: Voices, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """The weighted product (a log-linear opinion pool, Genest 1984).

    An observation's weight on an emotion is its modality's reliability there times its trust. The
    weightiest counts with exponent one and the others in proportion, so that agreement
    strengthens, and a lone observation is returned as it is.
    """
    trust = _reliable_trust(voices, model)
    exponents = trust / trust.max(axis=-2, keepdims=True)
    return _product(voices, exponents, model), exponents


def average(voices: Voices, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """The mean with the weights of `log_linear` (a linear opinion pool, Stone 1961)."""
    trust = _reliable_trust(voices, model)
    mean = (trust * voices.said).sum(axis=-2) / trust.sum(axis=-2)
    return mean / mean.sum(axis=-1, keepdims=True), trust


def attention(voices: Voices, model: FusionModel) -> tuple[FloatArray, FloatArray]:
    """The weighted product with weights that `model.gate` gives.

    The gate looks at modality and trust, at how certain an observation is, and at how far it
    agrees with the others (the mean of Bhattacharyya's coefficients).
    """
    gate, said = model.gate, voices.said
    information = said * np.log(np.maximum(said, SMALLEST_PROBABILITY))
    roots = np.sqrt(said)
    alike = roots @ np.swapaxes(roots, -1, -2)
    agreement = (alike.sum(axis=-1) - 1) / max(len(voices.modalities) - 1, 1)
    scores = (
        np.array([gate.modalities.get(name, 0.0) for name in voices.modalities])
        + gate.trust * np.log(voices.trust)
        + gate.certainty * (1 + information.sum(axis=-1) / MOST_UNCERTAIN)
        + gate.agreement * agreement
    )
    weights = softmax(np.asarray(scores, np.float32))[..., None]
    # As many as there would be if all weighed the same.
    voices_in_effect = 1 / np.square(weights).sum(axis=-2, keepdims=True)
    weights = weights * (1 + np.float32(gate.strength) * (voices_in_effect - 1))
    exponents = np.repeat(weights, len(EMOTIONS), axis=-1)
    return _product(voices, exponents, model), exponents


STRATEGIES: dict[str, Strategy] = {
    "log_linear": log_linear,
    "average": average,
    "attention": attention,
}
"""By the names that the configuration has for them."""


def fuse(
    observations: Sequence[Observation],
    strategy: Strategy,
    model: FusionModel,
    now_s: float,
    half_life_s: float,
) -> Belief:
    """What at least one observation says at `now_s`; trust halves for every `half_life_s`.

    A lone observation is returned as it is, whatever the strategy.
    """
    if len(observations) == 1:
        (lone,) = observations
        return Belief(lone.probabilities, {lone.modality: 1.0}, lone.captured_s)
    trust = [
        one.quality * 0.5 ** (max(now_s - one.captured_s, 0.0) / half_life_s) + LEAST_TRUST
        for one in observations
    ]
    modalities = [one.modality for one in observations]
    said = np.array([one.probabilities for one in observations], np.float32)
    probabilities, weights = strategy(Voices(said, np.array(trust, np.float32), modalities), model)
    shares = weights.sum(axis=-1)
    shares /= shares.sum()
    contributions: dict[str, float] = {}
    for modality, share in zip(modalities, shares.tolist(), strict=True):
        contributions[modality] = contributions.get(modality, 0.0) + share
    return Belief(probabilities, contributions, max(one.captured_s for one in observations))


def pool(observations: Sequence[Observation]) -> Observation:
    """One answer for at least one observation of the same modality over a clip or an utterance.

    The geometric mean of their probabilities, weighted by quality.
    """
    weights = np.array([one.quality + LEAST_TRUST for one in observations], np.float32)
    logs = np.log([np.maximum(one.probabilities, SMALLEST_PROBABILITY) for one in observations])
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


def _reliable_trust(voices: Voices, model: FusionModel) -> FloatArray:
    """float32[..., n, 7]."""
    learned = np.array([model.reliabilities.get(m, model.usual) for m in voices.modalities])
    return np.asarray(voices.trust[..., None] * learned, np.float32)


def _product(voices: Voices, exponents: FloatArray, model: FusionModel) -> FloatArray:
    """The product of what speaks against the prior, each to the power of its exponent and doubted.

    Evidence is taken relative to knowing nothing: otherwise an emotion that is weighted higher
    would lose by that alone, all logarithms of probabilities being negative. A voice may be an
    outlier, which says nothing (a mixture, as in Box and Tiao 1968), so what it can add or deny is
    bounded however sure it is: two that agree win against it. Doubt and sharpness come in as far
    as an observation is not alone.
    """
    shares = np.add.reduce(exponents, axis=-1, keepdims=True)
    shares = shares / np.add.reduce(shares, axis=-2, keepdims=True)
    company = 1 - np.add.reduce(shares * shares, axis=-2, keepdims=True)
    sharpness = 1 + np.float32(model.sharpness - 1) * company
    evidence = np.maximum(voices.said, SMALLEST_PROBABILITY) / model.prior
    meant = model.prior * evidence ** (sharpness * exponents)
    meant /= np.add.reduce(meant, axis=-1, keepdims=True)
    doubts = [model.doubts.get(m, model.usual_doubt) for m in voices.modalities]
    doubt = np.array(doubts, np.float32)[:, None] * (1 - shares)
    believed = np.maximum((1 - doubt) * meant + doubt * model.prior, SMALLEST_PROBABILITY)
    return softmax(np.log(model.prior) + np.add.reduce(np.log(believed / model.prior), axis=-2))
