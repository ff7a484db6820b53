"""Learns how far fusion may trust each model on each emotion, from simulated pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from converter.fusion.pairs import Cases, Judgements, draw, figures, of_somebody_else
from edge.emotions import EMOTIONS, MIN_PROBABILITY, NEUTRAL, FloatArray, softmax
from edge.fusion.model import Figure, FusionFile, FusionModel, Gate
from edge.fusion.pooling import STRATEGIES, Strategy, attention, log_linear

CASES = 3000
# Of pairs that lack a modality, against the whole ones.
LACKING_WEIGHT = 1 / 3
# Nepers by which the worst of several may lie above the others and still share its weight.
SOFTNESS_NEPERS = 0.02
# An emotion that a model never got right on little data is not proof that it never will.
LEAST_RELIABILITY = 0.05
LEAST_PRIOR = 0.01
MOST_DOUBT = 0.9
# Of neutral faces, those that look least like something else are ordinary.
ORDINARY = 0.9
DIGITS = 4

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lessons:
    """Simulated pairs to learn from."""

    usual: Sequence[tuple[Cases, float]]
    """Whole ones and those that lack a modality, and how much they count."""
    wrong: Sequence[tuple[Cases, float]]
    """Of which a modality tells of somebody else; the cross-entropy of the better other one."""


def learn(sets: Sequence[Judgements], seed: int = 0, count: int = CASES) -> FusionModel:
    """What fusion knows of the models whose answers to held-back samples are given.

    It minimizes the cross-entropy of simulated pairs, whole ones and ones that lack a modality,
    and where a modality tells of somebody else what is worse than the better of the others alone:
    of whichever modality that is the worst (in the manner of distributionally robust optimization,
    Sagawa et al. 2020). A sum would let the surest of them be believed at the cost of the others.
    """
    lessons = _lessons(draw(sets, count, np.random.default_rng(seed)), seed)
    names = [one.modality for one in sets]
    start = FusionModel(
        {name: np.full(len(EMOTIONS), 0.8, np.float32) for name in names},
        outlier_probability=dict.fromkeys(names, 0.1),
        rest=_at_rest(next((one for one in sets if one.modality == "face"), None)),
    )
    model = _fit_pool(lessons, names, start)
    return _fit_gate(lessons, names, model)


def measure(model: FusionModel, sets: Sequence[Judgements], seed: int = 1) -> tuple[Figure, ...]:
    """Figures on pairs of samples that taught the model nothing."""
    return tuple(_figures(draw(sets, CASES, np.random.default_rng(seed)), model))


def measure_across(
    halves: Sequence[Sequence[Judgements]], count: int = CASES
) -> tuple[Figure, ...]:
    """Figures of what each of two halves of the samples alone teaches, on pairs of the other.

    Each is the mean of both: the halves hold few of some emotions, and differ by points.
    """
    first, second = halves
    taught = learn(first, count=count), learn(second, count=count)
    found = measure(taught[0], second), measure(taught[1], first)
    return tuple(
        msgspec.structs.replace(one, value=(one.value + other.value) / 2, n=one.n + other.n)
        for one, other in zip(*found, strict=True)
    )


def content(model: FusionModel, models: dict[str, str], figures: Sequence[Figure]) -> FusionFile:
    """models/fusion.json: what was learned, of models with these hashes, and what was measured."""

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


def _lessons(cases: Cases, seed: int) -> Lessons:
    rng, names = np.random.default_rng(seed), cases.modalities
    alone = {one: _cross_entropy(cases.alone(one), cases.truth) for one in names}
    return Lessons(
        [(cases, 1.0), *((cases.without(one), LACKING_WEIGHT) for one in names)],
        [
            (
                of_somebody_else(cases, one, rng),
                min(value for other, value in alone.items() if other != one),
            )
            for one in names
        ],
    )


def _cross_entropy(said: FloatArray, truth: npt.NDArray[np.intp]) -> float:
    return float(-np.log(said[np.arange(len(said)), truth] + 1e-9).mean())


def _loss(lessons: Lessons, strategy: Strategy, model: FusionModel) -> float:
    """The mean of the usual pairs, and the excess of the worst kind of wrong ones."""

    def loss(cases: Cases) -> float:
        return _cross_entropy(cases.fused(strategy, model), cases.truth)

    usual = np.average(
        [loss(cases) for cases, _ in lessons.usual], weights=[weight for _, weight in lessons.usual]
    )
    excess = np.array([loss(cases) - better for cases, better in lessons.wrong])
    return float(usual + SOFTNESS_NEPERS * logsumexp(excess / SOFTNESS_NEPERS))


def _fit_pool(lessons: Lessons, names: Sequence[str], start: FusionModel) -> FusionModel:
    """Reliabilities, prior, doubts and sharpness, by `log_linear`."""
    size = len(names) * len(EMOTIONS)
    seven = size + len(EMOTIONS)

    def model(numbers: Numbers) -> FusionModel:
        reliabilities = numbers[:size].reshape(len(names), -1).astype(np.float32)
        prior = np.maximum(softmax(numbers[size:seven].astype(np.float32)), LEAST_PRIOR)
        *outliers, sharpness = numbers[seven:].tolist()
        return replace(
            start,
            reliabilities=dict(zip(names, reliabilities, strict=True)),
            prior=prior / prior.sum(),
            outlier_probability=dict(zip(names, outliers, strict=True)),
            sharpness=sharpness,
        )

    begin = [
        *np.full(size, 0.8),
        *np.zeros(len(EMOTIONS)),
        *start.outlier_probability.values(),
        1.0,
    ]
    bounds = [(LEAST_RELIABILITY, 1.0)] * size + [(-3.0, 3.0)] * len(EMOTIONS)
    bounds += [(0.0, MOST_DOUBT)] * len(names) + [(0.2, 5.0)]
    return model(_minimized(lessons, log_linear, model, begin, bounds))


def _fit_gate(lessons: Lessons, names: Sequence[str], start: FusionModel) -> FusionModel:
    """The gate, by `attention`; quality and age do not vary in pairs, and count as they are."""

    def model(numbers: Numbers) -> FusionModel:
        *begin, certainty, agreement, strength = (round(float(one), DIGITS) for one in numbers)
        scores = dict(zip(names, begin, strict=True))
        return replace(start, gate=Gate(scores, 1.0, certainty, agreement, strength))

    begin = [*np.zeros(len(names)), 1.0, 1.0, 1.0]
    bounds = [(-5.0, 5.0)] * len(names) + [(-10.0, 10.0)] * 2 + [(0.0, 3.0)]
    return model(_minimized(lessons, attention, model, begin, bounds))


def _minimized(
    lessons: Lessons,
    strategy: Strategy,
    model: Callable[[Numbers], FusionModel],
    begin: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Numbers:
    options = {"eps": 1e-3, "maxiter": 100}
    fitted = minimize(
        lambda numbers: _loss(lessons, strategy, model(numbers)),
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
    logs = np.log(np.maximum(faces.said[faces.truth == NEUTRAL], MIN_PROBABILITY))
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
