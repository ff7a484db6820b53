"""What teachers say of texts and of variations of them, for the text model to learn.

A bag of n-grams learns little from a teacher's opinion of the texts whose labels it knows anyway;
it learns from its opinion of parts of them: which words carry what (after Hinton et al. 2015).
"""

import re
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converter.datasets.samples import Samples, concatenate
from converter.distillation.teacher import SentenceTeacher, fingerprint
from edge.errors import EmotiondError
from edge.perception.ngrams import IDEOGRAPHS

# Variations of each text.
VARIATIONS_PER_TEXT = 3
# How often a variation is a run of words of its text, such a run after a negation, or the text
# without some of its words; otherwise it is the beginning of one text before the end of another.
RUN_SHARE, NEGATED_SHARE, GAP_SHARE = 0.4, 0.15, 0.25
# English, which every teacher reads: without them, too few texts are about what is not so.
NEGATIONS = ("not", "I'm not", "it's not", "was not", "never", "no", "don't", "can't", "isn't")
NEGATED_WORDS = 6
DROPPED_WORD_SHARE = 0.25
WORDS = re.compile(rf"[{IDEOGRAPHS}]|[^\s{IDEOGRAPHS}]+")


def vary(text: str, other: str, rng: np.random.Generator) -> str:
    """A part of `text`, negated or not, or its beginning before the end of `other`; never empty."""
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
    """How teachers are asked."""

    head_weights: Sequence[Sequence[float]] = ()
    """For each teacher in turn, see `SentenceTeacher.answer`; without any, heads count alike."""
    variations: int = 120_000
    """Number of a teacher, shared by its data sets; VARIATIONS_PER_TEXT or more of each text."""
    untaught: Collection[str] = ()
    """Data sets that are learned from their labels alone."""


def distil_targets(
    train: Samples, runs: Sequence[Path], share: float, seed: int, options: DistillationOptions
) -> Samples:
    """The samples, and variations, with targets of which `share` is what a teacher says.

    The first teacher that learned from a data set teaches it. Of variations only the teacher says
    something. Raises EmotiondError, before any is asked, where a teacher is not one for these.
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
            f"weights of heads for {len(weights)} teachers of {len(teachers)}; "
            "give --head-weights once for each --teacher, in the same order, or not at all"
        )
    for place, teacher in enumerate(teachers):
        teacher.check(weights[place])
        _check(teacher, train)
        if not sets_of[place]:
            raise EmotiondError(f"{teacher.run}: this teacher is left no data set to teach")
    parts = []
    for dataset in datasets:
        own, chosen = train.of_groups({dataset}), first.get(dataset)
        if chosen is None:
            parts.append(own)
            continue
        each = options.variations // sets_of[chosen]
        # Those of a data set are the same whichever others there are: they need be asked of once.
        rng = np.random.default_rng((seed, zlib.crc32(dataset.encode())))
        varied = _vary_all(own, max(VARIATIONS_PER_TEXT, -(-each // len(own))), rng)
        texts = [*own.inputs, *varied.inputs]
        predictions = teachers[chosen].predict(texts, weights[chosen])
        shared = (1 - share) * own.targets + share * predictions[: len(own)]
        parts += [replace(own, targets=shared), replace(varied, targets=predictions[len(own) :])]
    return concatenate(parts)


def _first_teacher(teachers: Sequence[SentenceTeacher], dataset: str) -> int | None:
    """The place of the first teacher that learned from a data set."""
    known = (place for place, one in enumerate(teachers) if dataset in one.heads.fingerprints)
    return next(known, None)


def _check(teacher: SentenceTeacher, train: Samples) -> None:
    """Refuses one with other labels, or of other texts of these data sets: it may know the test."""
    heads = teacher.heads
    common = set(train.groups) & heads.fingerprints.keys()
    if not common:
        raise EmotiondError(
            f"{teacher.run}: this teacher learned from {', '.join(heads.fingerprints)}; "
            "--data has nothing of it"
        )
    if heads.labels != train.labels:
        raise EmotiondError(
            f"{teacher.run}: this teacher predictions by other labels ({', '.join(heads.labels)}); "
            "train it again"
        )
    for dataset in sorted(common):
        if fingerprint(train.of_groups({dataset}).inputs) != heads.fingerprints[dataset]:
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
