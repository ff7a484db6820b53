"""Extracts the features of a text: hashed n-grams, and word pieces for a transformer.

Training calls these same functions, so a model gets the same input on the device as in training.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.perception.manifest import Pieces, TextInput
from edge.perception.ngrams import ngram_hashes, tokens, without_markup
from edge.perception.sparse import Indices, Sparse
from edge.perception.symbols import spell_out
from edge.perception.wordpieces import WordPieces

IDS, NGRAMS = "ids", "ngrams"
"""Names of the inputs of a model that reads word pieces beside n-grams."""
Ids = npt.NDArray[np.int32]
Features = Sparse | dict[str, Sparse | Ids]
# A text without n-grams has a norm of zero, which cannot be divided by.
MIN_NORM = 1e-9


def text_windows(text: str, spec: TextInput) -> list[Features]:
    """Returns the model's inputs for the part of a text that is read; their outputs are pooled."""
    return windows_of(text, first_tokens(text, spec), spec)


def windows_of(text: str, words: Sequence[str], spec: TextInput) -> list[Features]:
    """Returns the `text_windows` of a text whose `first_tokens` are `words`.

    One, or several with overlapping word pieces if the text has more than the model takes.
    """
    ngrams = word_features(words, spec)
    if spec.pieces is None:
        return [ngrams]
    read = text[: spec.max_characters]
    return [{IDS: ids, NGRAMS: ngrams} for ids in piece_windows(read, spec.pieces)]


def text_features(text: str, spec: TextInput) -> FloatArray:
    """Returns the n-grams of a text as a dense vector, float32[buckets]."""
    return sparse_text_features(text, spec).dense(spec.shape[0])


def sparse_text_features(text: str, spec: TextInput) -> Sparse:
    """Returns the `word_features` of the part of a text that is read."""
    return word_features(first_tokens(text, spec), spec)


def first_tokens(text: str, spec: TextInput) -> list[str]:
    """Returns the `tokens` of the first `spec.max_characters` of a text; the rest is not read."""
    return tokens(text[: spec.max_characters])


def word_features(words: Sequence[str], spec: TextInput) -> Sparse:
    """Hashes the `tokens` of a text into buckets of unit norm; into none without tokens.

    The hash of each n-gram selects one of `spec.shape[0]` buckets; a bucket holds log(1 + hits).
    """
    hits = (ngram_hashes(words, spec) % spec.shape[0]).astype(np.intp)
    buckets, counts = _unique_counts(hits)
    values = np.log1p(counts.astype(np.float32))
    return Sparse(buckets, values / max(np.linalg.norm(values), MIN_NORM))


def _unique_counts(hits: Indices) -> tuple[Indices, Indices]:
    """Equals np.unique with counts, but is faster on the few n-grams of a text."""
    hits = np.sort(hits)
    bounds = np.ones(len(hits) + 1, bool)
    np.not_equal(hits[1:], hits[:-1], out=bounds[1:-1])
    (starts,) = bounds.nonzero()
    return hits[starts[:-1]], starts[1:] - starts[:-1]


def as_read(text: str) -> str:
    """Returns a text as it is split into word pieces: without markup, with emoji written out."""
    return spell_out(without_markup(text))


def piece_windows(text: str, spec: Pieces) -> list[Ids]:
    """Returns the word pieces of a text, int32[length] for each window, padded at the end."""
    encoder = _word_pieces(spec.vocabulary)
    pieces = encoder.encode(as_read(text))
    room = spec.length - 2  # START and END
    step = room - spec.overlap
    windows = []
    for start in range(0, max(len(pieces) - spec.overlap, 1), step):
        window = np.full(spec.length, encoder.padding, np.int32)
        ids = [encoder.start, *pieces[start : start + room], encoder.end]
        window[: len(ids)] = ids
        windows.append(window)
    return windows


@lru_cache(maxsize=4)
def _word_pieces(vocabulary: tuple[str, ...]) -> WordPieces:
    return WordPieces(vocabulary)
