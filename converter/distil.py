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
from edge.emotions import FloatArray
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
    head_weights: Sequence[float] = (),
    variations: int = 60_000,
) -> Samples:
    """The samples, and variations, with targets of which `share` is what the teachers say.

    Of each data set there are `variations` at least. A teacher is asked about the texts of the
    data sets that it learned from; of variations only
    teachers say something. Raises EmotiondError where one learned from other texts.
    """
    teachers = [SentenceTeacher(run) for run in runs]
    _check(teachers, train)
    rng = np.random.default_rng(seed)
    parts = []
    for dataset in dict.fromkeys(train.groups):
        own = train.of_groups({dataset})
        asked = [one for one in teachers if dataset in one.heads.datasets]
        if not asked:
            parts.append(own)
            continue
        varied = _vary_all(own, max(PER_TEXT, -(-variations // len(own))), rng)
        answers = _mean_answer(asked, [*own.inputs, *varied.inputs], head_weights)
        shared = (1 - share) * own.targets + share * answers[: len(own)]
        parts += [replace(own, targets=shared), replace(varied, targets=answers[len(own) :])]
    return concatenate(parts)


def _check(teachers: Sequence[SentenceTeacher], train: Samples) -> None:
    """Refuses a teacher of other texts of the pupil's data sets: it may know what tests it."""
    for teacher in teachers:
        common = set(train.groups) & teacher.heads.learned.keys()
        if not common:
            raise EmotiondError(
                f"{teacher.run}: this teacher learned from "
                f"{', '.join(teacher.heads.datasets)}; --data has nothing of it"
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


def _mean_answer(
    teachers: Sequence[SentenceTeacher], texts: Sequence[str], head_weights: Sequence[float]
) -> FloatArray:
    answers = [one.answer(texts, head_weights) for one in teachers]
    return np.asarray(np.mean(answers, axis=0), np.float32)
