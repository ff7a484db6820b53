"""Learns the fusion model from the clips of real people and from simulated pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from converter.fusion.exponents import MIN_EXPONENT, Numbers, PairSet, fit_exponents
from converter.fusion.network import fit_network
from converter.fusion.people import People
from converter.fusion.simulated_pairs import Cases, Predictions, draw_pairs, with_other_person
from edge.emotions import DIGITS, EMOTIONS, MIN_PROBABILITY, FloatArray, by_emotion, softmax
from edge.fusion.model import Figure, FusionFile, FusionModel, Gate
from edge.fusion.network import Network
from edge.fusion.pooling import Strategy, attention, centred_logs, log_linear

CASE_COUNT = 600
# Of the pairs that lack a modality, relative to the complete ones.
MISSING_MODALITY_WEIGHT = 1 / 3
# Of all simulated pairs, relative to the clips of people.
SIMULATED_WEIGHT = 0.3
# Losses within about this distance of the worst one share its weight.
SOFTNESS_NEPERS = 0.02
MAX_OUTLIER_PROBABILITY = 0.9


@dataclass(frozen=True)
class LearningCases:
    """Pairs that outlier probabilities and gate are fitted to, each with its weight."""

    regular: Sequence[tuple[Cases, float]]
    """Simulated ones, complete and lacking a modality."""
    mismatched: Sequence[tuple[Cases, float]]
    """One modality shows another person; with the cross-entropy of the better of the others."""
    people: Cases | None
    sharpness: float
    """Exponent that makes beliefs as sure as simulated pairs deserve."""


def learn_fusion(
    sets: Sequence[Predictions],
    people: People | None = None,
    seed: int = 0,
    count: int = CASE_COUNT,
) -> FusionModel:
    """Fits the fusion model to the models' predictions for held-back samples and for people.

    People decide how sure a belief may be; simulated pairs, which are from the sources that taught
    the models, count for the relative weights only. Where one modality of those shows another
    person, the excess over the better of the others alone is also minimized, for the modality
    where it is largest (in the manner of distributionally robust optimization, Sagawa et al. 2020).
    """
    pairs, names = draw_pairs(sets, count, np.random.default_rng(seed)), [s.modality for s in sets]
    known = people.cases if people is not None else None
    parts = _pair_sets(pairs, known)
    exponents, sharpness = fit_exponents(parts, names)
    start = FusionModel(
        dict(zip(names, exponents.astype(np.float32), strict=True)),
        alone={one.modality: _fit_alone(one, known) for one in sets},
        outlier_probability=dict.fromkeys(names, 0.1),
        expressions={
            one.modality: _expressions(one, people)
            for one in sets
            if one.modality != "text" and (known is None or one.modality in known.modalities)
        },
    )
    learning = _learning_cases(pairs, known, sharpness, seed)
    model = _fit_gate(learning, names, _fit_outliers(learning, names, start))
    return replace(model, network=Network(fit_network(parts, model, names, sharpness, seed)))


def fusion_file(
    model: FusionModel, models: dict[str, str], figures: Sequence[Figure]
) -> FusionFile:
    """Returns the content of models/fusion.json: parameters, hashes of the models, figures."""

    def rounded(values: dict[str, float]) -> dict[str, float]:
        return {name: round(one, DIGITS) for name, one in values.items()}

    return FusionFile(
        reliabilities={name: by_emotion(one) for name, one in model.reliabilities.items()},
        alone=rounded(dict(model.alone)),
        outlier_probability=rounded(dict(model.outlier_probability)),
        expressions={
            name: {shown: by_emotion(row) for shown, row in zip(EMOTIONS, rows, strict=True)}
            for name, rows in model.expressions.items()
        },
        gate=model.gate,
        network=None if model.network is None else model.network.file,
        models=models,
        figures=tuple(figures),
    )


def _pair_sets(pairs: Cases, people: Cases | None) -> list[PairSet]:
    """Returns what the exponents are fitted to; people teach only the labels they show."""
    parts = [(pairs, 1.0)]
    if len(pairs.modalities) > 2:
        parts += [(pairs.without(one), MISSING_MODALITY_WEIGHT) for one in pairs.modalities]
    weight = SIMULATED_WEIGHT if people is not None else 1.0
    found = [PairSet(one, weight * share, is_simulated=people is not None) for one, share in parts]
    return found if people is None else [*found, PairSet(people, 1.0)]


def _fit_alone(own: Predictions, people: Cases | None) -> float:
    """Returns the exponent that calibrates a lone modality: the geometric mean over the sources.

    Fitted to all at once, it would be that of the source that the model knows least.
    """
    sources = [(centred_logs(own.probabilities), own.truth)]
    if people is not None and own.modality in people.modalities:
        sources.append((centred_logs(people.alone(own.modality)), people.truth))

    def fitted(evidence: FloatArray, truth: npt.NDArray[np.intp]) -> float:
        offered = np.isin(np.arange(len(EMOTIONS)), truth)

        def loss(exponent: float) -> float:
            return _cross_entropy(softmax(np.float32(exponent) * evidence[:, offered]), places)

        places = (np.cumsum(offered) - 1)[truth]
        return float(minimize_scalar(loss, bounds=(MIN_EXPONENT, 1), method="bounded").x)

    return float(np.exp(np.mean([np.log(fitted(*one)) for one in sources])))


def _expressions(own: Predictions, people: People | None) -> FloatArray:
    """Returns the mean evidence for each shown emotion, of samples and people with equal weight."""
    sources = [(centred_logs(own.probabilities), own.truth)]
    if people is not None:
        sources.append((centred_logs(people.cases.alone(own.modality)), people.truth))
    rows = []
    for label in range(len(EMOTIONS)):
        shown = [e[truth == label].mean(axis=0) for e, truth in sources if (truth == label).any()]
        rows.append(np.mean(shown, axis=0) if shown else np.zeros(len(EMOTIONS)))
    return np.asarray(rows, np.float32)


def _learning_cases(
    cases: Cases, people: Cases | None, sharpness: float, seed: int
) -> LearningCases:
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
        people,
        sharpness,
    )


def _cross_entropy(probabilities: FloatArray, truth: npt.NDArray[np.intp]) -> float:
    return float(-np.log(probabilities[np.arange(len(probabilities)), truth] + 1e-9).mean())


def _loss(learning: LearningCases, strategy: Strategy, model: FusionModel) -> float:
    """Returns the mean loss of the regular pairs, the worst excess, and the loss of people."""

    def loss(cases: Cases) -> float:
        logs = np.log(np.maximum(cases.fused(strategy, model), MIN_PROBABILITY))
        return _cross_entropy(softmax(np.float32(learning.sharpness) * logs), cases.truth)

    regular = np.average(
        [loss(cases) for cases, _ in learning.regular],
        weights=[weight for _, weight in learning.regular],
    )
    excess = np.array([loss(cases) - better for cases, better in learning.mismatched])
    found = float(regular + SOFTNESS_NEPERS * logsumexp(excess / SOFTNESS_NEPERS))
    if learning.people is None:
        return found
    own = _cross_entropy(learning.people.fused(strategy, model), learning.people.truth)
    return SIMULATED_WEIGHT * found + own


def _fit_outliers(learning: LearningCases, names: Sequence[str], start: FusionModel) -> FusionModel:
    """Fits outlier probabilities, by `log_linear`."""

    def model(numbers: Numbers) -> FusionModel:
        return replace(start, outlier_probability=dict(zip(names, numbers.tolist(), strict=True)))

    bounds = [(0.0, MAX_OUTLIER_PROBABILITY)] * len(names)
    start_values = [start.outlier_of(name) for name in names]
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
    fitted = minimize(
        lambda numbers: _loss(learning, strategy, model(numbers)),
        start_values,
        method="L-BFGS-B",
        bounds=bounds,
        options={"eps": 1e-3, "maxiter": 50},
    )
    return np.asarray(fitted.x)
