"""Shared by the loaders of text: their labels, and the splitting of rows."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from converter.datasets.files import first_reason
from converter.datasets.samples import DatasetError, Samples, concatenate
from converter.datasets.splits import SEPARATOR, AnnotationScheme, Splits, check_distinct, hold_back

EKMAN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
"""The labels of GoEmotions' Ekman grouping, which every text data set is mapped to."""
CURIOSITY = "curiosity"
"""Curiosity, confusion and plain questions; surprise in the Ekman grouping."""
LABELS = (*EKMAN, CURIOSITY)
"""The labels of the model."""
LABEL_OF = {
    **{label: label for label in LABELS},
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "joy",
    "happy": "joy",
    "sad": "sadness",
    "surprised": "surprise",
}
"""The label of each name that a data set may use, in lower case."""
EMOTIONS = tuple(label for label in EKMAN if label != "neutral")
WORDS = re.compile(r"\w+")
SPOKEN_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")
NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|@\w+")
SPOKEN_SHARE = 1 / 3
AT_RANDOM = "a random tenth"
"""The name of the test split of data that were published without splits."""


@dataclass(frozen=True)
class Row:
    """One row of a table of texts."""

    location: str
    """File and number of the row, for messages."""
    text: str
    labels: tuple[str, ...]
    """Some of LABELS; empty for an emotion that these lack."""


@dataclass(frozen=True)
class Texts:
    """One data set, or one language of it, split."""

    dataset: str
    licence: str
    scheme: AnnotationScheme
    train: Samples
    held_back: Samples
    test: Samples
    train_split: str
    unusable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Each thing that loading found and that a user should know."""


def to_samples(
    dataset: str, rows: Iterable[Row], unusable: list[str], scheme: Sequence[str] = ()
) -> Samples:
    """Turns rows into samples; several labels of a row share its probability equally.

    Its labels are LABELS and those that an annotation scheme has beside them. A row without a text
    or without a label is added to `unusable`. Raises DatasetError if nothing is left.
    """
    texts, targets = [], []
    labels = (*LABELS, *(label for label in scheme if label not in LABELS))
    for row in rows:
        text = row.text.strip()
        if not text or not row.labels:
            lacks = f"no label of {', '.join(labels)}" if text else "no text"
            unusable.append(f"{row.location}: {lacks}")
            continue
        target = np.zeros(len(labels), np.float32)
        target[[labels.index(label) for label in row.labels]] = 1 / len(row.labels)
        texts.append(text)
        targets.append(target)
    if not texts:
        raise DatasetError(f"{dataset}: no usable row in it{first_reason(unusable)}")
    return Samples(labels, texts, np.stack(targets), (dataset,) * len(texts))


def split_as_published(
    family: str,
    licence: str,
    labels: tuple[str, ...],
    rows: Mapping[str, Sequence[Row]],
    unusable: Iterable[str] = (),
    language: str = "",
    includes: Mapping[str, tuple[str, ...]] | None = None,
) -> Texts:
    """Splits a data set as its publishers did; `rows` are those of each split, by its name.

    `labels` and `includes` are those of the annotation scheme; `language` is set if there are
    several. With three splits the second one is held back, otherwise a random tenth of the first.
    A text that is also in a later split is left out. Raises DatasetError.
    """
    dataset, left_out, names = _name(family, language), list(unusable), list(rows)
    parts = [to_samples(dataset, rows[name], left_out, labels) for name in names]
    later = set(map(normalized, parts[-1].inputs))
    for index in reversed(range(len(parts) - 1)):
        kept = _without(parts[index], later)
        if lost := len(parts[index]) - len(kept):
            left_out.append(
                f"{dataset} {names[index]}: {lost} texts that are also in a later split"
            )
        later.update(map(normalized, parts[index].inputs))
        parts[index] = kept
    train, *middle, test = parts
    train, held_back = (train, middle[0]) if middle else hold_back(train, seed=0)
    scheme = AnnotationScheme(family, labels, names[-1], includes or {})
    return Texts(dataset, licence, scheme, train, held_back, test, names[0], tuple(left_out))


def _name(family: str, language: str) -> str:
    return f"{family} {language}" if language else family


def split_at_random(
    family: str,
    licence: str,
    labels: tuple[str, ...],
    rows: Sequence[Row],
    unusable: Iterable[str] = (),
    language: str = "",
) -> Texts:
    """Splits a data set that was published without splits; a text is never in two of them.

    Raises DatasetError.
    """
    dataset, left_out = _name(family, language), list(unusable)
    # An empty text is no repetition of another: each is left out with its own reason.
    distinct = {normalized(row.text.strip()) or row.location: row for row in rows}
    if lost := len(rows) - len(distinct):
        left_out.append(f"{dataset}: {lost} repeated texts")
    rest, test = hold_back(to_samples(dataset, distinct.values(), left_out, labels), seed=1)
    train, held_back = hold_back(rest, seed=0)
    scheme, train_split = AnnotationScheme(family, labels, AT_RANDOM), "without two random tenths"
    return Texts(dataset, licence, scheme, train, held_back, test, train_split, tuple(left_out))


def normalized(text: str) -> str:
    """Returns the words of a text alone: copies differ in punctuation, capitals, names and links.

    A text without words stays as it is.
    """
    return " ".join(WORDS.findall(NOT_WORDS.sub(" ", text).casefold())) or text


def _without(samples: Samples, known: Set[str]) -> Samples:
    """Leaves out the samples whose `normalized` text is known."""
    kept = [row for row, text in enumerate(samples.inputs) if normalized(text) not in known]
    return samples.subset(np.array(kept, np.intp))


def as_spoken(text: str) -> str:
    """Returns a text as a speech recognizer writes it: in lower case, without punctuation.

    A text without words, such as one of emoji, stays as it is.
    """
    return " ".join(SPOKEN_WORDS.findall(text.lower())) or text


def partly_spoken(samples: Samples, rng: np.random.Generator) -> Samples:
    """Returns the samples with a SPOKEN_SHARE of the texts, drawn at random, `as_spoken`."""
    is_spoken = rng.random(len(samples)) < SPOKEN_SHARE
    texts = zip(samples.inputs, is_spoken, strict=True)
    return replace(samples, inputs=[as_spoken(text) if spoken else text for text, spoken in texts])


def join(sets: Sequence[Texts], excluded: Sequence[str] = ()) -> Splits:
    """Joins data sets, except for the `excluded` ones; a sample's group is its data set's name.

    Test texts of any data set, excluded or not, are left out of the other splits of all.
    """
    names = [one.dataset for one in sets]
    check_distinct(names, "file")
    tested = {normalized(text) for one in sets for text in one.test.inputs}
    known = tested.union(normalized(text) for one in sets for text in one.held_back.inputs)
    sets = [one for one in sets if one.dataset not in excluded]
    if not sets:
        raise DatasetError("every data set is excluded; there is nothing to train on")
    return Splits(
        tuple(one.dataset for one in sets),
        _without(concatenate([one.train for one in sets]), known),
        _without(concatenate([one.held_back for one in sets]), tested),
        concatenate([one.test for one in sets]),
        tuple(one.train_split for one in sets),
        SEPARATOR.join(dict.fromkeys(one.scheme.test_split for one in sets)),
        "; ".join(dict.fromkeys(one.licence for one in sets)),
        tuple(reason for one in sets for reason in one.unusable),
        schemes={one.dataset: one.scheme for one in sets},
        notes=tuple(f"{one.dataset}: {note}" for one in sets for note in one.notes),
    )
