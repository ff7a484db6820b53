"""Learns the fusion model, above all each modality's reliability, from simulated pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from converter.fusion.simulated_pairs import (
    Cases,
    Predictions,
    draw_pairs,
    pair_metrics,
    with_other_person,
)
from edge.emotions import EMOTIONS, MIN_PROBABILITY, NEUTRAL, FloatArray, softmax
from edge.fusion.model import Figure, FusionFile, FusionModel, Gate
from edge.fusion.pooling import STRATEGIES, Strategy, attention, log_linear

CASE_COUNT = 3000
# Of the pairs that lack a modality, relative to the complete ones.
MISSING_MODALITY_WEIGHT = 1 / 3
# Losses within about this distance of the worst one share its weight.
SOFTNESS_NEPERS = 0.02
# Little data may have no correct answer of a model for an emotion; that is no proof of zero.
MIN_RELIABILITY = 0.05
MIN_PRIOR = 0.01
MAX_OUTLIER_PROBABILITY = 0.9
# The share of neutral faces that a resting face stands for.
RESTING_QUANTILE = 0.75
# Decimal places of the parameters and figures in fusion.json.
DIGITS = 4

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LearningCases:
    """Simulated pairs that the parameters of fusion are fitted to."""

    regular: Sequence[tuple[Cases, float]]
    """Complete ones and ones that lack a modality, each with its weight in the loss."""
    mismatched: Sequence[tuple[Cases, float]]
    """One modality shows another person; with the cross-entropy of the better of the others."""


def learn_fusion(
    sets: Sequence[Predictions], seed: int = 0, count: int = CASE_COUNT
) -> FusionModel:
    """Fits the fusion model to the models' predictions for held-back samples.

    Minimizes the cross-entropy of simulated pairs, complete ones and ones that lack a modality.
    Where one modality shows another person, it also minimizes the excess over the better of the
    other modalities alone, for the modality where that excess is largest (in the manner of
    distributionally robust optimization, Sagawa et al. 2020). A sum over the modalities would
    trust the most confident model at the cost of the others.
    """
    learning = _learning_cases(draw_pairs(sets, count, np.random.default_rng(seed)), seed)
    names = [one.modality for one in sets]
    start = FusionModel(
        {name: np.full(len(EMOTIONS), 0.8, np.float32) for name in names},
        outlier_probability=dict.fromkeys(names, 0.1),
        rest=_resting_face(next((one for one in sets if one.modality == "face"), None)),
    )
    model = _fit_pool(learning, names, start)
    return _fit_gate(learning, names, model)


def measure_fusion(
    model: FusionModel, sets: Sequence[Predictions], seed: int = 1
) -> tuple[Figure, ...]:
    """Measures fusion on pairs of samples that it was not fitted to."""
    return tuple(_figures(draw_pairs(sets, CASE_COUNT, np.random.default_rng(seed)), model))


def measure_by_halves(
    halves: Sequence[Sequence[Predictions]], count: int = CASE_COUNT
) -> tuple[Figure, ...]:
    """Fits fusion to each half of the samples and measures it on pairs of the other half.

    Returns the mean of both results: each half has few samples of some emotions, so the two
    differ by percentage points.
    """
    first, second = halves
    learned = learn_fusion(first, count=count), learn_fusion(second, count=count)
    found = measure_fusion(learned[0], second), measure_fusion(learned[1], first)
    return tuple(
        msgspec.structs.replace(one, value=(one.value + other.value) / 2, n=one.n + other.n)
        for one, other in zip(*found, strict=True)
    )


def fusion_file(
    model: FusionModel, models: dict[str, str], figures: Sequence[Figure]
) -> FusionFile:
    """Returns the content of models/fusion.json: parameters, hashes of the models, figures."""

    def named(values: FloatArray) -> dict[str, float]:
        rounded = [round(float(one), DIGITS) for one in values]
        return dict(zip(EMOTIONS, rounded, strict=True))

    return FusionFile(
        reliabilities={name: named(one) for name, one in model.reliabilities.items()},  # type: ignore[misc]
        prior=named(model.prior),  # type: ignore[arg-type]
        outlier_probability={
            name: round(one, DIGITS) for name, one in model.outlier_probability.items()
        },
        sharpness=round(model.sharpness, DIGITS),
        rest=named(model.rest),  # type: ignore[arg-type]
        gate=model.gate,
        models=models,
        figures=tuple(figures),
    )


def _learning_cases(cases: Cases, seed: int) -> LearningCases:
    rng, names = np.random.default_rng(seed), cases.modalities
    alone = {one: _cross_entropy(cases.alone(one), cases.truth) for one in names}
    return LearningCases(
        [(cases, 1.0), *((cases.without(one), MISSING_MODALITY_WEIGHT) for one in names)],
        [
            (
                with_other_person(cases, one, rng),
                min(value for other, value in alone.items() if other != one),
            )
            for one in names
        ],
    )


def _cross_entropy(probabilities: FloatArray, truth: npt.NDArray[np.intp]) -> float:
    return float(-np.log(probabilities[np.arange(len(probabilities)), truth] + 1e-9).mean())


def _loss(learning: LearningCases, strategy: Strategy, model: FusionModel) -> float:
    """Returns the mean loss of the regular pairs plus the worst excess of the mismatched ones."""

    def loss(cases: Cases) -> float:
        return _cross_entropy(cases.fused(strategy, model), cases.truth)

    regular = np.average(
        [loss(cases) for cases, _ in learning.regular],
        weights=[weight for _, weight in learning.regular],
    )
    excess = np.array([loss(cases) - better for cases, better in learning.mismatched])
    return float(regular + SOFTNESS_NEPERS * logsumexp(excess / SOFTNESS_NEPERS))


def _fit_pool(learning: LearningCases, names: Sequence[str], start: FusionModel) -> FusionModel:
    """Fits reliabilities, prior, outlier probabilities and sharpness, by `log_linear`."""
    size = len(names) * len(EMOTIONS)
    seven = size + len(EMOTIONS)

    def model(numbers: Numbers) -> FusionModel:
        reliabilities = numbers[:size].reshape(len(names), -1).astype(np.float32)
        prior = np.maximum(softmax(numbers[size:seven].astype(np.float32)), MIN_PRIOR)
        *outliers, sharpness = numbers[seven:].tolist()
        return replace(
            start,
            reliabilities=dict(zip(names, reliabilities, strict=True)),
            prior=prior / prior.sum(),
            outlier_probability=dict(zip(names, outliers, strict=True)),
            sharpness=sharpness,
        )

    start_values = [
        *np.full(size, 0.8),
        *np.zeros(len(EMOTIONS)),
        *start.outlier_probability.values(),
        1.0,
    ]
    bounds = [(MIN_RELIABILITY, 1.0)] * size + [(-3.0, 3.0)] * len(EMOTIONS)
    bounds += [(0.0, MAX_OUTLIER_PROBABILITY)] * len(names) + [(0.2, 5.0)]
    return model(_minimize(learning, log_linear, model, start_values, bounds))


def _fit_gate(learning: LearningCases, names: Sequence[str], start: FusionModel) -> FusionModel:
    """Fits the gate, by `attention`; quality and age do not vary in pairs and stay unfitted."""

    def model(numbers: Numbers) -> FusionModel:
        *biases, certainty, agreement, strength = (round(float(one), DIGITS) for one in numbers)
        scores = dict(zip(names, biases, strict=True))
        return replace(start, gate=Gate(scores, 1.0, certainty, agreement, strength))

    start_values = [*np.zeros(len(names)), 1.0, 1.0, 1.0]
    bounds = [(-5.0, 5.0)] * len(names) + [(-10.0, 10.0)] * 2 + [(0.0, 3.0)]
    return model(_minimize(learning, attention, model, start_values, bounds))


def _minimize(
    learning: LearningCases,
    strategy: Strategy,
    model: Callable[[Numbers], FusionModel],
    start_values: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Numbers:
    options = {"eps": 1e-3, "maxiter": 100}
    fitted = minimize(
        lambda numbers: _loss(learning, strategy, model(numbers)),
        start_values,
        method="L-BFGS-B",
        bounds=bounds,
        options=options,
    )
    return np.asarray(fitted.x)


def _resting_face(faces: Predictions | None) -> FloatArray:
    """Returns the log-odds of each emotion against neutral that most neutral faces stay below."""
    if faces is None or not (faces.truth == NEUTRAL).any():
        return FusionModel().rest
    logs = np.log(np.maximum(faces.probabilities[faces.truth == NEUTRAL], MIN_PROBABILITY))
    odds = logs - logs[:, [NEUTRAL]]
    return np.asarray(np.quantile(odds, RESTING_QUANTILE, axis=0), np.float32)


def _figures(cases: Cases, model: FusionModel) -> Iterator[Figure]:
    """Yields the figures of each modality alone, and of each strategy on each kind of pairs."""
    rng, names = np.random.default_rng(2), cases.modalities
    situations = {"all": cases}
    situations |= {f"without {one}": cases.without(one) for one in names}
    situations |= {f"{one} of somebody else": with_other_person(cases, one, rng) for one in names}
    for name in names:
        yield from _figures_of("alone", name, cases.alone(name), cases.truth)
    for strategy, function in STRATEGIES.items():
        for situation, one in situations.items():
            yield from _figures_of(strategy, situation, one.fused(function, model), one.truth)


def _figures_of(
    strategy: str, pairs: str, probabilities: FloatArray, truth: npt.NDArray[np.intp]
) -> list[Figure]:
    found = pair_metrics(probabilities, truth)
    return [
        Figure(strategy, pairs, name, round(v, DIGITS), len(truth)) for name, v in found.items()
    ]
