"""Measures fusion on people and pairs other than those that taught it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from converter.fusion.learn import CASE_COUNT, learn_fusion
from converter.fusion.people import People
from converter.fusion.simulated_pairs import (
    Cases,
    Predictions,
    draw_pairs,
    pair_metrics,
    with_other_person,
)
from edge.config import RestingFace
from edge.emotions import DIGITS, FloatArray, softmax
from edge.fusion.model import Figure, FusionModel
from edge.fusion.pooling import STRATEGIES, centred_logs, log_linear
from edge.tracking.baseline import Baseline

MEASURED_COUNT = 3000
"""Simulated pairs that figures are measured on."""
PEOPLE_CASE_COUNT = 300
"""Simulated pairs that teach beside the other people, for each person that is left out."""
FIRST_MET = "people"
KNOWN = "people, known"
CENTRED = "people, centred"

Truth = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Answers:
    """Beliefs about the clips of people who were left out of learning."""

    beliefs: Mapping[tuple[str, str], FloatArray]
    """float32[clips, 7], by strategy (or `alone`) and what was fused."""
    truth: Truth

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Mean recall and others of each."""
        each = self.beliefs.items()
        return tuple(f for place, one in each for f in figures_of(*place, one, self.truth))


def measure_fusion(
    model: FusionModel, sets: Sequence[Predictions], seed: int = 1
) -> tuple[Figure, ...]:
    """Measures fusion on pairs of samples that it was not fitted to."""
    return tuple(_figures(draw_pairs(sets, MEASURED_COUNT, np.random.default_rng(seed)), model))


def measure_by_halves(
    halves: Sequence[Sequence[Predictions]],
    people: People | None = None,
    count: int = CASE_COUNT,
) -> tuple[Figure, ...]:
    """Fits fusion to each half of the samples and measures it on pairs of the other half.

    Returns the mean of both results: each half has few samples of some emotions, so the two
    differ by percentage points.
    """
    first, second = halves
    learned = [learn_fusion(half, people, count=count) for half in halves]
    found = measure_fusion(learned[0], second), measure_fusion(learned[1], first)
    return tuple(
        msgspec.structs.replace(one, value=(one.value + other.value) / 2, n=one.n + other.n)
        for one, other in zip(*found, strict=True)
    )


def answer_people(
    people: People, sets: Sequence[Predictions], count: int = PEOPLE_CASE_COUNT
) -> Answers:
    """Returns beliefs about each person, with what the other people and simulated pairs teach.

    `people`: each clip as that of somebody met for the first time. `people, known`: relative to
    the baseline that the person's other clips leave behind, as the device keeps it. `people,
    centred`: relative to the mean of the other clips, which the device could only know if people
    showed all emotions equally often.
    """
    parts: list[dict[tuple[str, str], FloatArray]] = []
    truths = []
    for others, own in people.left_out():
        model = learn_fusion(sets, others, count=count)
        beliefs = {}
        situations = {
            FIRST_MET: own.cases,
            KNOWN: relative(own, model),
            CENTRED: centred(own, centred_logs(others.probabilities).mean(axis=0)),
        }
        for name, cases in situations.items():
            for modality in cases.modalities:
                lone = cases.select([modality])
                beliefs["alone", f"{name}: {modality}"] = lone.fused(log_linear, model)
            for strategy, function in STRATEGIES.items():
                beliefs[strategy, name] = cases.fused(function, model)
        parts.append(beliefs)
        truths.append(own.truth)
    together = {place: np.concatenate([one[place] for one in parts]) for place in parts[0]}
    return Answers(together, np.concatenate(truths))


def relative(own: People, model: FusionModel) -> Cases:
    """Returns one person's clips, each relative to the baseline learned from all the others."""
    cases, changed = own.cases, own.probabilities.copy()
    for left_out in range(len(own.truth)):
        baselines = [Baseline(RestingFace(), model.expressions[one]) for one in cases.modalities]
        for row in (row for row in range(len(own.truth)) if row != left_out):
            answers = own.probabilities[row]
            corrected = np.stack(
                [b.correct(one) for b, one in zip(baselines, answers, strict=True)]
            )
            one = Cases(corrected[None], own.truth[[row]], cases.modalities)
            belief = one.fused(log_linear, model)[0]
            for baseline, answer in zip(baselines, answers, strict=True):
                baseline.learn(answer, belief, float(own.durations_s[row]))
        for place, baseline in enumerate(baselines):
            changed[left_out, place] = baseline.correct(own.probabilities[left_out, place])
    return Cases(changed, own.truth, cases.modalities)


def centred(own: People, usual: FloatArray) -> Cases:
    """Returns one person's clips, each less the difference of all the others from `usual`."""
    evidence = centred_logs(own.probabilities)
    count = len(evidence)
    others = (evidence.sum(axis=0) - evidence) / max(count - 1, 1)
    return Cases(softmax(evidence - (others - usual)), own.truth, own.cases.modalities)


def figures_of(strategy: str, pairs: str, probabilities: FloatArray, truth: Truth) -> list[Figure]:
    """Returns the metrics of float32[cases, 7] as figures."""
    found = pair_metrics(probabilities, truth)
    return [
        Figure(strategy, pairs, name, round(v, DIGITS), len(truth)) for name, v in found.items()
    ]


def _figures(cases: Cases, model: FusionModel) -> Iterator[Figure]:
    """Yields the figures of each modality alone, and of each strategy on each kind of pairs."""
    rng, names = np.random.default_rng(2), cases.modalities
    situations = {"all": cases}
    situations |= {f"without {one}": cases.without(one) for one in names}
    situations |= {f"{one} of somebody else": with_other_person(cases, one, rng) for one in names}
    for name in names:
        yield from figures_of("alone", name, cases.alone(name), cases.truth)
    for strategy, function in STRATEGIES.items():
        for situation, one in situations.items():
            yield from figures_of(strategy, situation, one.fused(function, model), one.truth)
