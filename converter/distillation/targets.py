"""Training targets for the text model from teachers' predictions (Hinton et al. 2015).

A bag of n-grams gains little from predictions for the training texts, whose labels it has. It
gains from predictions for parts of them, which show the contribution of single words.
"""

import re
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converter.datasets.samples import Samples, concatenate
from converter.distillation.teacher import SentenceTeacher, check_same_texts
from edge.errors import EmotiondError
from edge.perception.ngrams import IDEOGRAPHS

# Variations of each text.
VARIATIONS_PER_TEXT = 3
# Probability that a variation is a run of words of its text, such a run after a negation, or the
# text without some of its words; otherwise it is the first half of a text and the end of another.
RUN_SHARE, NEGATED_SHARE, GAP_SHARE = 0.4, 0.15, 0.25
# In English, which every teacher reads; without them, too few texts have a negation.
NEGATIONS = ("not", "I'm not", "it's not", "was not", "never", "no", "don't", "can't", "isn't")
NEGATED_WORDS = 6
DROPPED_WORD_SHARE = 0.25
WORDS = re.compile(rf"[{IDEOGRAPHS}]|[^\s{IDEOGRAPHS}]+")


def vary(text: str, other: str, rng: np.random.Generator) -> str:
    """Returns a part of `text`, maybe negated, or its first half plus the end of `other`.

    The result is never empty.
    """
    words, chance = WORDS.findall(text), rng.random()
    if chance < RUN_SHARE:
        return _run(words, len(words), rng)
    if chance < RUN_SHARE + NEGATED_SHARE:
        return f"{rng.choice(NEGATIONS)} {_run(words, min(len(words), NEGATED_WORDS), rng)}"
    if chance < RUN_SHARE + NEGATED_SHARE + GAP_SHARE:
        kept = [word for word in words if rng.random() > DROPPED_WORD_SHARE]
        return " ".join(kept) or text
    end = WORDS.findall(other)
    return " ".join(words[: -(-len(words) // 2)] + end[len(end) // 2 :])


def _run(words: Sequence[str], longest: int, rng: np.random.Generator) -> str:
    length = int(rng.integers(1, longest + 1))
    start = int(rng.integers(0, len(words) - length + 1))
    return " ".join(words[start : start + length])


@dataclass(frozen=True)
class DistillationOptions:
    """Options of the teachers' predictions."""

    head_weights: Sequence[Sequence[float]] = ()
    """For each teacher in turn, see `SentenceTeacher.predict`; by default, heads count equally."""
    variations: int = 120_000
    """Number per teacher, shared by its data sets; VARIATIONS_PER_TEXT or more of each text."""
    untaught: Collection[str] = ()
    """Data sets that keep their labels as targets."""


def distil_targets(
    train: Samples, runs: Sequence[Path], share: float, seed: int, options: DistillationOptions
) -> Samples:
    """Returns the samples, and variations of them, with a `share` of the targets from teachers.

    Each data set's teacher is the first one that was trained on it. Variations have targets from
    the teacher only. Raises EmotiondError, before any prediction, if a teacher does not fit.
    """
    teachers = [SentenceTeacher(run) for run in runs]
    datasets = list(dict.fromkeys(train.groups))
    first = {
        name: _first_teacher(teachers, name) for name in datasets if name not in options.untaught
    }
    sets_of = Counter(first.values())
    weights = options.head_weights or [()] * len(teachers)
    if len(weights) != len(teachers):
        raise EmotiondError(
            f"--head-weights was given for {len(weights)} of {len(teachers)} teachers; "
            "give it once for each --teacher, in the same order, or not at all"
        )
    for place, teacher in enumerate(teachers):
        teacher.check(weights[place])
        check_same_texts(teacher, train)
        if not sets_of[place]:
            raise EmotiondError(
                f"{teacher.run}: no data set is left for this teacher; leave it out, or name it "
                "before the others"
            )
    parts = []
    for dataset in datasets:
        own, chosen = train.of_groups({dataset}), first.get(dataset)
        if chosen is None:
            parts.append(own)
            continue
        each = options.variations // sets_of[chosen]
        # A data set's variations do not depend on the others, so its predictions can be cached.
        rng = np.random.default_rng((seed, zlib.crc32(dataset.encode())))
        varied = _vary_all(own, max(VARIATIONS_PER_TEXT, -(-each // len(own))), rng)
        texts = [*own.inputs, *varied.inputs]
        predictions = teachers[chosen].predict(texts, weights[chosen])
        shared = (1 - share) * own.targets + share * predictions[: len(own)]
        parts += [replace(own, targets=shared), replace(varied, targets=predictions[len(own) :])]
    return concatenate(parts)


def _first_teacher(teachers: Sequence[SentenceTeacher], dataset: str) -> int | None:
    """Returns the index of the first teacher that was trained on a data set."""
    known = (place for place, one in enumerate(teachers) if dataset in one.heads.fingerprints)
    return next(known, None)


def _vary_all(samples: Samples, times: int, rng: np.random.Generator) -> Samples:
    """Returns `times` variations of each sample, still with the sample's targets."""
    rows = np.tile(np.arange(len(samples)), times)
    others = rng.integers(0, len(samples), len(rows))
    varied = samples.subset(rows)
    pairs = zip(varied.inputs, (samples.inputs[other] for other in others), strict=True)
    return replace(varied, inputs=[vary(text, other, rng) for text, other in pairs])
