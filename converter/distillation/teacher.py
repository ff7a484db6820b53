"""The text model's teacher: a fine-tuned sentence encoder, too large for the device.

Data sets differ in how they were annotated, so it has a head for each family of them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import track
from scipy.special import log_softmax
from tokenizers import Tokenizer

from converter.datasets.samples import Samples
from converter.datasets.splits import Origin
from converter.networks import encoder
from converter.networks.weights import MODEL
from edge.emotions import FloatArray, softmax
from edge.errors import EmotiondError
from edge.perception.text_features import as_read

HEADS = "heads.json"
ANSWERS = "answers"
"""In a run: the folder of cached logits, one file for each list of texts."""
# Texts are padded to a multiple of this many tokens, so that few shapes of batches are compiled.
TOKEN_STEP = 8
BATCH_SIZE = 128
CHUNK_SIZE = 128 * BATCH_SIZE
Ids = npt.NDArray[np.int32]


class Heads(msgspec.Struct, frozen=True):
    """The meaning of a teacher's outputs: for each family in turn, one output a label."""

    families: tuple[str, ...]
    labels: tuple[str, ...]
    known_labels: dict[str, tuple[str, ...]] = msgspec.field(name="known")
    """The labels that a family's texts have, in any language; its head is not trained on others."""
    fingerprints: dict[str, str] = msgspec.field(name="learned")
    """The `fingerprint` of the training texts, by data set."""
    origin: Origin


def fingerprint(texts: Sequence[str]) -> str:
    """Returns a hash of texts that depends on their order."""
    return hashlib.sha256(msgspec.json.encode(list(texts))).hexdigest()


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    """Returns the token ids of each text, of what `as_read` leaves of it."""
    return [one.ids for one in tokenizer.encode_batch([as_read(text) for text in texts])]


def width(rows: Iterable[Sequence[int]]) -> int:
    """Returns the length in tokens to pad to: the longest row, up to a multiple of TOKEN_STEP."""
    return -(-max(map(len, rows)) // TOKEN_STEP) * TOKEN_STEP


def pad(rows: Sequence[Sequence[int]], padding: int) -> Ids:
    """Joins the token ids of several texts into one array, int32[texts, width]."""
    ids = np.full((len(rows), width(rows)), padding, np.int32)
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens
    return ids


def predict_logits(
    model: keras.Model, rows: Sequence[Sequence[int]], heads: int, padding: int
) -> FloatArray:
    """Returns the logits of all heads, float32[texts, heads, labels], for token ids of texts."""
    logits = np.zeros((len(rows), model.output_shape[-1]), np.float32)
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(order), BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        logits[chosen] = model.predict_on_batch(pad([rows[i] for i in chosen], padding))
    return logits.reshape(len(rows), heads, -1)


def read_heads(run: Path) -> Heads:
    """Reads the description of a teacher's heads from its run; raises EmotiondError."""
    try:
        return msgspec.json.decode((run / HEADS).read_bytes(), type=Heads)
    except (OSError, ValueError) as error:
        raise _unfinished(run, error) from error


def _unfinished(run: Path, error: Exception) -> EmotiondError:
    return EmotiondError(
        f"{run}: not a finished run of a sentence encoder ({error}); make one with "
        "`emotion-convert train text --encoder …`"
    )


class SentenceTeacher:
    """A finished run of `fine_tune`; raises EmotiondError if the folder has none."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.heads = read_heads(run)
        try:
            self.model = keras.models.load_model(run / MODEL, compile=False)
        except (OSError, ValueError) as error:
            raise _unfinished(run, error) from error
        if self.model.output_shape[-1] != len(self.heads.families) * len(self.heads.labels):
            raise EmotiondError(f"{run}: {HEADS} does not fit the model there; train it again")
        self._tokenizer = encoder.read_tokenizer(run)

    @property
    def architecture(self) -> encoder.Architecture:
        """The architecture of the model; raises EmotiondError."""
        return encoder.read_config(self.run)

    @property
    def vocabulary(self) -> list[str]:
        """The word pieces by their ids."""
        ids = self._tokenizer.get_vocab()
        return sorted(ids, key=lambda piece: ids[piece])

    def predict(self, texts: Sequence[str], weights: Sequence[float] = ()) -> FloatArray:
        """Returns a distribution over `heads.labels` for each text, float32[texts, labels].

        It pools all heads log-linearly, with a weight for each (by default equal ones that add up
        to 1), so that the student need not know by which annotation to label a text. A label that
        some heads were not trained on is left to the others. Texts predicted before are read from
        the cache in the run. Raises EmotiondError.
        """
        self.check(weights)
        alike = [1 / len(self.heads.families)] * len(self.heads.families)
        exponents = self._exponents(np.array(weights or alike, np.float32))
        parts = []
        for start in track(range(0, len(texts), CHUNK_SIZE), description="teacher"):
            logits = self.logits(texts[start : start + CHUNK_SIZE])
            parts.append(softmax(np.einsum("thl,hl->tl", log_softmax(logits, axis=-1), exponents)))
        return np.concatenate(parts)

    def predict_as(self, texts: Sequence[str], families: Sequence[str]) -> FloatArray:
        """Returns the answer of one head for each text: that of its family, float32[texts, labels].

        A label that this head was not trained on has no probability.
        """
        parts = []
        for start in range(0, len(texts), CHUNK_SIZE):
            logits = self.logits(texts[start : start + CHUNK_SIZE])
            chosen = families[start : start + CHUNK_SIZE]
            heads = [self.heads.families.index(family) for family in chosen]
            known = [self.heads.known_labels[family] for family in chosen]
            offered = np.array([[one in labels for one in self.heads.labels] for labels in known])
            own = logits[np.arange(len(logits)), heads]
            parts.append(softmax(np.where(offered, own, -np.inf)))
        return np.concatenate(parts)

    def check(self, weights: Sequence[float]) -> None:
        """Raises EmotiondError for weights that `predict` cannot use."""
        count = len(self.heads.families)
        if weights and (len(weights) != count or min(weights) < 0 or not sum(weights) > 0):
            raise EmotiondError(
                f"{self.run}: {len(weights)} weights, {sum(weights):g} in all, for {count} heads "
                f"({', '.join(self.heads.families)}); give each a weight of 0 or more, not all 0"
            )

    def _exponents(self, weights: FloatArray) -> FloatArray:
        """Returns the pool's exponents, float32[heads, labels]; each label's have the same sum."""
        of_heads = [self.heads.known_labels[name] for name in self.heads.families]
        is_known = np.array([[label in known for label in self.heads.labels] for known in of_heads])
        counted = weights[:, None] * is_known
        sums = counted.sum(axis=0)
        # A label that no weighted head was trained on keeps the weights as they are.
        counted[:, sums == 0] = weights[:, None]
        return np.asarray(counted / counted.sum(axis=0) * weights.sum(), np.float32)

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Returns the logits of all heads, float32[texts, heads, labels]; keeps them in the run."""
        file = self.run / ANSWERS / f"{fingerprint(texts)}.npy"
        if file.is_file():
            return np.asarray(np.load(file), np.float32)
        rows, padding = encode(self._tokenizer, texts), encoder.padding_id(self._tokenizer)
        logits = predict_logits(self.model, rows, len(self.heads.families), padding).astype(
            np.float16
        )
        file.parent.mkdir(exist_ok=True)
        draft = file.with_suffix(".part.npy")
        np.save(draft, logits)
        draft.replace(file)
        return logits.astype(np.float32)


def check_same_texts(teacher: SentenceTeacher, train: Samples) -> None:
    """Raises EmotiondError if a teacher has other labels, or was trained on other texts.

    Such a teacher may have been trained on what is now the test split.
    """
    heads = teacher.heads
    common = set(train.groups) & heads.fingerprints.keys()
    if not common:
        raise EmotiondError(
            f"{teacher.run}: this teacher was trained on {', '.join(heads.fingerprints)}; "
            "--data has none of these"
        )
    if heads.labels != train.labels:
        raise EmotiondError(
            f"{teacher.run}: this teacher has other labels ({', '.join(heads.labels)}); "
            "train it again"
        )
    for dataset in sorted(common):
        if fingerprint(train.of_groups({dataset}).inputs) != heads.fingerprints[dataset]:
            raise EmotiondError(
                f"{teacher.run}: this teacher was trained on other texts of {dataset}; "
                "train it again with the data as it is now"
            )
