"""Learns how far fusion may trust each model on each emotion, from simulated pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from converter.pairs import Cases, Judgements, draw, figures, of_somebody_else
from edge.emotions import EMOTIONS, NEUTRAL, FloatArray, softmax
from edge.fusion import (
    SMALLEST_PROBABILITY,
    STRATEGIES,
    FusionModel,
    Strategy,
    attention,
    log_linear,
)
from edge.fusionfile import Figure, FusionFile, Gate

CASES = 3000
# Of pairs that lack a modality, and of pairs in which one tells of somebody else, each against the
# whole ones.
LACKING_WEIGHT = WRONG_WEIGHT = 1 / 3
# An emotion that a model never got right on little data is not proof that it never will.
LEAST_RELIABILITY = 0.05
LEAST_PRIOR = 0.01
MOST_DOUBT = 0.9
# Of neutral faces, those that look least like something else are ordinary.
ORDINARY = 0.9
DIGITS = 4

Numbers = npt.NDArray[np.float64]
Situation = tuple[Cases, float]
"""Simulated pairs, and how much they count."""


def learn(sets: Sequence[Judgements], seed: int = 0, count: int = CASES) -> FusionModel:
    """What fusion knows of the models whose answers to held-back samples are given.

    It minimizes the cross-entropy of simulated pairs: whole ones, ones that lack a modality, and
    ones of which a modality tells of somebody else.
    """
    situations = list(_situations(draw(sets, count, np.random.default_rng(seed)), seed))
    names = [one.modality for one in sets]
    start = FusionModel(
        {name: np.full(len(EMOTIONS), 0.8, np.float32) for name in names},
        doubt=0.1,
        rest=_at_rest(next((one for one in sets if one.modality == "face"), None)),
    )
    model = _fit_pool(situations, names, start)
    return _fit_gate(situations, names, model)


def content(
    model: FusionModel, models: dict[str, str], sets: Sequence[Judgements], seed: int = 1
) -> FusionFile:
    """models/fusion.json: what was learned, and its figures on pairs of other samples."""
    cases = draw(sets, CASES, np.random.default_rng(seed))

    def named(values: FloatArray) -> dict[str, float]:
        rounded = [round(float(one), DIGITS) for one in values]
        return dict(zip(EMOTIONS, rounded, strict=True))

    return FusionFile(
        reliabilities={name: named(one) for name, one in model.reliabilities.items()},  # type: ignore[misc]
        prior=named(model.prior),  # type: ignore[arg-type]
        doubt=model.doubt,
        sharpness=model.sharpness,
        rest=named(model.rest),  # type: ignore[arg-type]
        gate=model.gate,
        models=models,
        figures=tuple(_figures(cases, model)),
    )


def _situations(cases: Cases, seed: int) -> Iterator[Situation]:
    rng = np.random.default_rng(seed)
    yield cases, 1.0
    for one in cases.modalities:
        yield cases.without(one), LACKING_WEIGHT
        yield of_somebody_else(cases, one, rng), WRONG_WEIGHT


def _loss(situations: Sequence[Situation], strategy: Strategy, model: FusionModel) -> float:
    """The cross-entropy."""
    losses = []
    for cases, _ in situations:
        said = cases.fused(strategy, model)
        losses.append(-np.log(said[np.arange(len(said)), cases.truth] + 1e-9).mean())
    return float(np.average(losses, weights=[weight for _, weight in situations]))


def _fit_pool(
    situations: Sequence[Situation], names: Sequence[str], start: FusionModel
) -> FusionModel:
    """Reliabilities, prior, doubt and sharpness, by `log_linear`."""
    size = len(names) * len(EMOTIONS)

    def model(numbers: Numbers) -> FusionModel:
        reliabilities = numbers[:size].reshape(len(names), -1).astype(np.float32)
        prior = np.maximum(softmax(numbers[size:-2].astype(np.float32)), LEAST_PRIOR)
        doubt, sharpness = (round(float(one), DIGITS) for one in numbers[-2:])
        return replace(
            start,
            reliabilities=dict(zip(names, reliabilities, strict=True)),
            prior=prior / prior.sum(),
            doubt=doubt,
            sharpness=sharpness,
        )

    begin = [*np.full(size, 0.8), *np.zeros(len(EMOTIONS)), start.doubt, 1.0]
    bounds = [(LEAST_RELIABILITY, 1.0)] * size + [(-3.0, 3.0)] * len(EMOTIONS)
    bounds += [(0.0, MOST_DOUBT), (0.2, 5.0)]
    return model(_minimized(situations, log_linear, model, begin, bounds))


def _fit_gate(
    situations: Sequence[Situation], names: Sequence[str], start: FusionModel
) -> FusionModel:
    """The gate, by `attention`; quality and age do not vary in pairs, and count as they are."""

    def model(numbers: Numbers) -> FusionModel:
        *begin, certainty, agreement, strength = (round(float(one), DIGITS) for one in numbers)
        scores = dict(zip(names, begin, strict=True))
        return replace(start, gate=Gate(scores, 1.0, certainty, agreement, strength))

    begin = [*np.zeros(len(names)), 1.0, 1.0, 1.0]
    bounds = [(-5.0, 5.0)] * len(names) + [(-10.0, 10.0)] * 2 + [(0.0, 3.0)]
    return model(_minimized(situations, attention, model, begin, bounds))


def _minimized(
    situations: Sequence[Situation],
    strategy: Strategy,
    model: Callable[[Numbers], FusionModel],
    begin: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Numbers:
    options = {"eps": 1e-2, "maxiter": 40}
    fitted = minimize(
        lambda numbers: _loss(situations, strategy, model(numbers)),
        begin,
        method="L-BFGS-B",
        bounds=bounds,
        options=options,
    )
    return np.asarray(fitted.x)


def _at_rest(faces: Judgements | None) -> FloatArray:
    """How much less than neutral most neutral faces look like each emotion, in nepers."""
    if faces is None or not (faces.truth == NEUTRAL).any():
        return FusionModel().rest
    logs = np.log(np.maximum(faces.said[faces.truth == NEUTRAL], SMALLEST_PROBABILITY))
    odds = logs - logs[:, [NEUTRAL]]
    return np.asarray(np.quantile(odds, ORDINARY, axis=0), np.float32)


def _figures(cases: Cases, model: FusionModel) -> Iterator[Figure]:
    """Of each modality alone, and of each strategy on whole, lacking and corrupted pairs."""
    rng, names = np.random.default_rng(2), cases.modalities
    situations = {"all": cases}
    situations |= {f"without {one}": cases.without(one) for one in names}
    situations |= {f"{one} of somebody else": of_somebody_else(cases, one, rng) for one in names}
    for name in names:
        yield from _named("alone", name, cases.alone(name), cases.truth)
    for strategy, function in STRATEGIES.items():
        for situation, one in situations.items():
            yield from _named(strategy, situation, one.fused(function, model), one.truth)


def _named(
    strategy: str, pairs: str, said: FloatArray, truth: npt.NDArray[np.intp]
) -> list[Figure]:
    found = figures(said, truth)
    return [
        Figure(strategy, pairs, name, round(v, DIGITS), len(truth)) for name, v in found.items()
    ]
