"""What teachers say of texts and of variations of them, for the text model to learn.

A bag of n-grams learns little from a teacher's opinion of the texts whose labels it knows anyway;
it learns from its opinion of parts of them: which words carry what (after Hinton et al. 2015).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from converter.samples import Samples, concatenate
from converter.sentences import SentenceTeacher, fingerprint
from edge.errors import EmotiondError

# Variations of each text.
PER_TEXT = 3
# How often a variation is a run of words of its text, such a run after a negation, or the text
# without some of its words; otherwise it is the beginning of one text before the end of another.
RUNS, NEGATED, GAPS = 0.4, 0.15, 0.25
# English, as the texts that teachers know: without them, too few texts are about what is not so.
NEGATIONS = ("not", "I'm not", "it's not", "was not", "never", "no", "don't", "can't", "isn't")
NEGATED_WORDS = 6
WORDS_LEFT_OUT = 0.25


def vary(text: str, other: str, rng: np.random.Generator) -> str:
    """A part of `text`, negated or not, or its beginning before the end of `other`; never empty."""
    words, chance = text.split(), rng.random()
    if chance < RUNS:
        return _run(words, len(words), rng)
    if chance < RUNS + NEGATED:
        return f"{rng.choice(NEGATIONS)} {_run(words, min(len(words), NEGATED_WORDS), rng)}"
    if chance < RUNS + NEGATED + GAPS:
        kept = [word for word in words if rng.random() > WORDS_LEFT_OUT]
        return " ".join(kept) or text
    end = other.split()
    return " ".join(words[: -(-len(words) // 2)] + end[len(end) // 2 :])


def _run(words: Sequence[str], longest: int, rng: np.random.Generator) -> str:
    length = int(rng.integers(1, longest + 1))
    start = int(rng.integers(0, len(words) - length + 1))
    return " ".join(words[start : start + length])


def teach(
    train: Samples,
    runs: Sequence[Path],
    share: float,
    seed: int,
    head_weights: Sequence[Sequence[float]] = (),
    variations: int = 120_000,
) -> Samples:
    """The samples, and variations, with targets of which `share` is what a teacher says.

    A data set has the first teacher that learned from it. Each teacher is asked about the texts of
    its data sets and about `variations` at least, as many of each; of those only the teacher says
    something. `head_weights` are those of each run in turn (see `SentenceTeacher.answer`); without
    any, all heads count alike. Raises EmotiondError where one learned from other texts.
    """
    teachers = [SentenceTeacher(run) for run in runs]
    weights = head_weights or [()] * len(teachers)
    if len(weights) != len(teachers):
        raise EmotiondError(
            f"weights of heads for {len(weights)} teachers of {len(teachers)}; "
            "give --head-weights once for each --teacher, in the same order, or not at all"
        )
    _check(teachers, train)
    datasets = list(dict.fromkeys(train.groups))
    first = {name: _first(teachers, name) for name in datasets}
    rng = np.random.default_rng(seed)
    parts = []
    for dataset in datasets:
        own, place = train.of_groups({dataset}), first[dataset]
        if place is None:
            parts.append(own)
            continue
        each = variations // list(first.values()).count(place)
        varied = _vary_all(own, max(PER_TEXT, -(-each // len(own))), rng)
        answers = teachers[place].answer([*own.inputs, *varied.inputs], weights[place])
        shared = (1 - share) * own.targets + share * answers[: len(own)]
        parts += [replace(own, targets=shared), replace(varied, targets=answers[len(own) :])]
    return concatenate(parts)


def _first(teachers: Sequence[SentenceTeacher], dataset: str) -> int | None:
    """The place of the first teacher that learned from a data set."""
    known = (place for place, one in enumerate(teachers) if dataset in one.heads.learned)
    return next(known, None)


def _check(teachers: Sequence[SentenceTeacher], train: Samples) -> None:
    """Refuses a teacher of other texts of the pupil's data sets: it may know what tests it."""
    for teacher in teachers:
        common = set(train.groups) & teacher.heads.learned.keys()
        if not common:
            raise EmotiondError(
                f"{teacher.run}: this teacher learned from "
                f"{', '.join(teacher.heads.learned)}; --data has nothing of it"
            )
        for dataset in sorted(common):
            own = train.of_groups({dataset})
            if fingerprint(own.inputs) != teacher.heads.learned[dataset]:
                raise EmotiondError(
                    f"{teacher.run}: this teacher learned from other texts of {dataset}; "
                    "train it again with the data as it is now"
                )


def _vary_all(samples: Samples, times: int, rng: np.random.Generator) -> Samples:
    """Variations of each sample, `times` as many; their targets are still those of the samples."""
    rows = np.tile(np.arange(len(samples)), times)
    others = rng.integers(0, len(samples), len(rows))
    varied = samples.subset(rows)
    pairs = zip(varied.inputs, (samples.inputs[other] for other in others), strict=True)
    return replace(varied, inputs=[vary(text, other, rng) for text, other in pairs])
