"""Short English sentences that data sets have too few of: to train on, beside their texts.

Feelings by strong and weak words, feelings that someone denies, calls for help, despair, threats,
danger without a word for fear, irony, and questions and wishes with a feeling behind them. A data
set of written comments has hardly any; a robot must not take them for joy. Half of them are made
from the patterns in phrases.yaml, half are drawn from sentences.tsv, which were written for this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from converter.datasets.samples import Samples
from converter.datasets.tables import read_table
from converter.datasets.texts import Row, partly_spoken, to_samples

PATTERNS = Path(__file__).with_name("phrases.yaml")
WRITTEN = Path(__file__).with_name("sentences.tsv")
SEPARATOR = "|"
SHARE = 0.12
"""Number of these sentences, as a share of the number of other training texts."""
T = TypeVar("T")
Sentence = tuple[str, tuple[str, ...]]
"""A text and its labels."""


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern of sentences: one of each of its parts, joined by spaces."""

    labels: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]

    def sentence(self, rng: np.random.Generator) -> str:
        """Returns a random sentence."""
        words = " ".join(filter(None, (_one(rng, part) for part in self.parts)))
        for mark in ",.!?":
            words = words.replace(f" {mark}", mark)
        return words


class Phrases(msgspec.Struct, frozen=True):
    """The content of phrases.yaml."""

    kinds: dict[str, tuple[Pattern, ...]]


def read_patterns() -> dict[str, tuple[Pattern, ...]]:
    """Returns the patterns of each kind of sentence."""
    return msgspec.yaml.decode(PATTERNS.read_bytes(), type=Phrases).kinds


def read_sentences() -> list[Sentence]:
    """Returns the sentences that were written to train on."""
    rows = read_table(WRITTEN, ("labels", "text"), "\t", quoted=False)
    return [(row["text"], tuple(row["labels"].split(SEPARATOR))) for _, row in rows]


def written(count: int, rng: np.random.Generator) -> Iterator[Sentence]:
    """Yields `count` of the written sentences at random, all of them before one comes again."""
    every = read_sentences()
    for start in range(0, count, len(every)):
        for place in rng.permutation(len(every))[: count - start]:
            yield every[place]


def made(count: int, rng: np.random.Generator) -> Iterator[Sentence]:
    """Yields `count` random sentences from the patterns, as many of each kind.

    Within a kind, each label is as frequent as the others.
    """
    kinds = [_by_labels(patterns) for patterns in read_patterns().values()]
    for place in range(count):
        pattern = _one(rng, _one(rng, kinds[place % len(kinds)]))
        yield pattern.sentence(rng), pattern.labels


def _by_labels(patterns: Sequence[Pattern]) -> list[list[Pattern]]:
    every = dict.fromkeys(one.labels for one in patterns)
    return [[one for one in patterns if one.labels == labels] for labels in every]


def _one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def phrases(texts: int, groups: Sequence[str], rng: np.random.Generator) -> Samples:
    """Returns sentences to train on along with `texts` other texts, dealt to the groups in turn.

    Some of them are as spoken, like other texts.
    """
    count = max(round(texts * SHARE), 1)
    chosen = (*made(count // 2, rng), *written(count - count // 2, rng))
    rows = [Row("phrases", *one) for one in chosen]
    samples = partly_spoken(to_samples("phrases", rows, []), rng)
    return replace(samples, groups=tuple(groups[i % len(groups)] for i in range(len(samples))))
