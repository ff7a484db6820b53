"""A sentence encoder that knows emotions: too large for the device, it teaches the text model.

Annotators have different habits, so it has a head for each family of data sets.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import track
from scipy.special import log_softmax
from tokenizers import Tokenizer

from converter.datasets.splits import Origin
from converter.networks import encoder
from converter.networks.weights import MODEL
from edge.emotions import FloatArray, softmax
from edge.errors import EmotiondError
from edge.perception.ngrams import EMOTICONS

HEADS = "heads.json"
ANSWERS = "answers"
"""In a run: what its heads said of the texts that it was asked about, so that it is asked once."""
# Texts are padded to a multiple of this, so that few shapes of batches are compiled.
TOKEN_STEP = 8
BATCH_SIZE = 128
CHUNK_SIZE = 128 * BATCH_SIZE
# Emoticons without noses, by what an encoder's vocabulary has words for; emoji have their names.
EMOTICON_NAMES = {
    ":)": "smiling face",
    ":]": "smiling face",
    "^_^": "smiling face",
    "^^": "smiling face",
    ":d": "grinning face",
    "xd": "laughing face",
    ";)": "winking face",
    ";d": "winking face",
    ":p": "playful face",
    ":*": "kissing face",
    "<3": "love",
    "</3": "broken heart",
    ":(": "sad face",
    ":[": "sad face",
    ":'(": "crying face",
    ":/": "doubtful face",
    ":|": "blank face",
    ":o": "surprised face",
    ">:(": "angry face",
    ">_<": "annoyed face",
    "-_-": "annoyed face",
}
REPEATED = re.compile(r"(.)\1+")
NOSE = re.compile(r"(?<=[:;=])('?)[-o^](?=.)")
SYMBOLS = re.compile(rf"{EMOTICONS}|\bx+d+\b|[^\w\s]", re.VERBOSE | re.IGNORECASE)
Ids = npt.NDArray[np.int32]


class Heads(msgspec.Struct, frozen=True):
    """What the outputs of a run stand for: for each family in turn, the labels."""

    families: tuple[str, ...]
    labels: tuple[str, ...]
    known_labels: dict[str, tuple[str, ...]] = msgspec.field(name="known")
    """Those that the texts of a family have, in any language: of others its head knows nothing."""
    fingerprints: dict[str, str] = msgspec.field(name="learned")
    """The `fingerprint` of what was learned from, by data set."""
    origin: Origin


def fingerprint(texts: Sequence[str]) -> str:
    """A hash of texts, in their order."""
    return hashlib.sha256(msgspec.json.encode(list(texts))).hexdigest()


def _in_words(symbol: re.Match[str]) -> str:
    face = NOSE.sub(r"\1", symbol[0].casefold().replace("=", ":"))
    for shorter in (face, REPEATED.sub(r"\1", face)):
        if shorter in EMOTICON_NAMES:
            return f" {EMOTICON_NAMES[shorter]} "
    if unicodedata.category(symbol[0][0]) == "So":
        return f" {unicodedata.name(symbol[0], '').lower()} "
    return symbol[0]


def spell_out(text: str) -> str:
    """The text with words for its emoji and emoticons, which no English vocabulary has."""
    return SYMBOLS.sub(_in_words, text)


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    """The token ids of each text, emoji and emoticons spelled out."""
    return [one.ids for one in tokenizer.encode_batch([spell_out(text) for text in texts])]


def width(rows: Iterable[Sequence[int]]) -> int:
    """How many tokens wide these are when padded: the longest, to a multiple of TOKEN_STEP."""
    return -(-max(map(len, rows)) // TOKEN_STEP) * TOKEN_STEP


def pad(rows: Sequence[Sequence[int]], padding: int) -> Ids:
    """Token ids of several texts as one array, int32[texts, width]."""
    ids = np.full((len(rows), width(rows)), padding, np.int32)
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens
    return ids


def predict_logits(
    model: keras.Model, rows: Sequence[Sequence[int]], heads: int, padding: int
) -> FloatArray:
    """The logits of all heads, float32[texts, heads, labels], for the token ids of texts."""
    logits = np.zeros((len(rows), model.output_shape[-1]), np.float32)
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        logits[chosen] = model.predict_on_batch(pad([rows[i] for i in chosen], padding))
    return logits.reshape(len(rows), heads, -1)


def read_heads(run: Path) -> Heads:
    """What the run of a sentence encoder has heads for; raises EmotiondError."""
    try:
        return msgspec.json.decode((run / HEADS).read_bytes(), type=Heads)
    except (OSError, ValueError) as error:
        raise _unfinished(run, error) from error


def _unfinished(run: Path, error: Exception) -> EmotiondError:
    return EmotiondError(
        f"{run}: no finished run of a sentence encoder ({error}); make one with "
        "`emotion-convert train text --encoder …`"
    )


class SentenceTeacher:
    """A finished run of `fine_tune`; raises EmotiondError where there is none in the folder."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.heads = read_heads(run)
        try:
            self._model = keras.models.load_model(run / MODEL, compile=False)
        except (OSError, ValueError) as error:
            raise _unfinished(run, error) from error
        if self._model.output_shape[-1] != len(self.heads.families) * len(self.heads.labels):
            raise EmotiondError(f"{run}: the model there is not that of {HEADS}; train it again")
        self._tokenizer = encoder.read_tokenizer(run)

    def predict(self, texts: Sequence[str], weights: Sequence[float] = ()) -> FloatArray:
        """A distribution over `heads.labels` for each text, float32[texts, labels].

        It is one of all heads, a log-linear pool with a weight for each (all alike, and one in
        all, where none are given): who learns from it need not guess by whose habits a text is to
        be answered. A label that some heads know nothing of is left to the others. What was asked
        before is read from the run. Raises EmotiondError.
        """
        self.check(weights)
        alike = [1 / len(self.heads.families)] * len(self.heads.families)
        exponents = self._exponents(np.array(weights or alike, np.float32))
        parts = []
        for start in track(range(0, len(texts), CHUNK_SIZE), description="asking the teacher"):
            logits = self._cached_logits(texts[start : start + CHUNK_SIZE])
            parts.append(softmax(np.einsum("thl,hl->tl", log_softmax(logits, axis=-1), exponents)))
        return np.concatenate(parts)

    def check(self, weights: Sequence[float]) -> None:
        """Raises EmotiondError for weights that no `answer` comes of."""
        count = len(self.heads.families)
        if weights and (len(weights) != count or min(weights) < 0 or not sum(weights) > 0):
            raise EmotiondError(
                f"{self.run}: {len(weights)} weights, {sum(weights):g} in all, for {count} heads "
                f"({', '.join(self.heads.families)}); give each one of 0 or more, and not all 0"
            )

    def _exponents(self, weights: FloatArray) -> FloatArray:
        """float32[heads, labels]; those of each label have the same sum."""
        of_heads = [self.heads.known_labels[name] for name in self.heads.families]
        knows = np.array([[label in known for label in self.heads.labels] for known in of_heads])
        counted = weights[:, None] * knows
        sums = counted.sum(axis=0)
        # What no head that counts knows of is as unlikely as all of them say.
        counted[:, sums == 0] = weights[:, None]
        return np.asarray(counted / counted.sum(axis=0) * weights.sum(), np.float32)

    def _cached_logits(self, texts: Sequence[str]) -> FloatArray:
        """The logits of all heads: the same however they are weighed."""
        file = self.run / ANSWERS / f"{fingerprint(texts)}.npy"
        if file.is_file():
            return np.asarray(np.load(file), np.float32)
        rows, padding = encode(self._tokenizer, texts), encoder.padding_id(self._tokenizer)
        logits = predict_logits(self._model, rows, len(self.heads.families), padding).astype(
            np.float16
        )
        file.parent.mkdir(exist_ok=True)
        draft = file.with_suffix(".part.npy")
        np.save(draft, logits)
        draft.replace(file)
        return logits.astype(np.float32)
