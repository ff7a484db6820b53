"""A sentence encoder that knows emotions: too large for the device, it teaches the text model.

Data sets name emotions by different habits, so it has a head for each.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras
import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import track

from converter.networks import encoder
from converter.networks.weights import MODEL
from edge.emotions import FloatArray, softmax
from edge.errors import EmotiondError

HEADS = "heads.json"
ANSWERS = "answers"
"""In a run: what it said of the texts that it was asked about, so that it is asked once."""
# Texts are padded to a multiple of this, so that few shapes of batches are compiled.
TOKEN_STEP = 8
ASKED_AT_ONCE = 128
KEPT_AT_ONCE = 128 * ASKED_AT_ONCE
# What a head is sure of not must still be possible: the others may be sure of it.
SMALLEST_PROBABILITY = 1e-6
Ids = npt.NDArray[np.int32]


class Heads(msgspec.Struct, frozen=True):
    """What the outputs of a run stand for: for each data set in turn, the labels."""

    datasets: tuple[str, ...]
    labels: tuple[str, ...]
    learned: dict[str, str]
    """The `fingerprint` of what was learned from, by data set."""


def fingerprint(texts: Sequence[str]) -> str:
    """A hash of texts in their order."""
    return hashlib.sha256(msgspec.json.encode(list(texts))).hexdigest()


def pad(rows: Sequence[Sequence[int]]) -> Ids:
    """Token ids of several texts as one array, filled up with zeros to a multiple of TOKEN_STEP."""
    longest = max(map(len, rows))
    ids = np.zeros((len(rows), -(-longest // TOKEN_STEP) * TOKEN_STEP), np.int32)
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens
    return ids


class SentenceTeacher:
    """A finished run of `fine_tune`; raises EmotiondError where there is none in the folder."""

    def __init__(self, run: Path) -> None:
        self.run = run
        try:
            self.heads = msgspec.json.decode((run / HEADS).read_bytes(), type=Heads)
            self._model = keras.models.load_model(run / MODEL, compile=False)
        except (OSError, ValueError) as error:
            raise EmotiondError(
                f"{run}: no finished run of a sentence encoder ({error}); make one with "
                "`emotion-convert train text --encoder …`"
            ) from error
        if self._model.output_shape[-1] != len(self.heads.datasets) * len(self.heads.labels):
            raise EmotiondError(f"{run}: the model there is not that of {HEADS}; train it again")
        self._tokenizer = encoder.read_tokenizer(run)

    def answer(self, texts: Sequence[str]) -> FloatArray:
        """A distribution over `heads.labels` for each text, float32[texts, labels].

        That is the geometric mean of what all heads say: who learns from it need not guess by whose
        habits a text is to be answered. What was asked before is read from the run.
        """
        parts = []
        for start in track(range(0, len(texts), KEPT_AT_ONCE), description="asking the teacher"):
            parts.append(self._remember(texts[start : start + KEPT_AT_ONCE]))
        return np.concatenate(parts)

    def _remember(self, texts: Sequence[str]) -> FloatArray:
        file = self.run / ANSWERS / f"{fingerprint(texts)}.npy"
        if file.is_file():
            return np.asarray(np.load(file), np.float32)
        answers = self._ask(texts)
        file.parent.mkdir(exist_ok=True)
        draft = file.with_suffix(".part.npy")
        np.save(draft, answers)
        draft.replace(file)
        return answers

    def _ask(self, texts: Sequence[str]) -> FloatArray:
        rows = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        answers = np.zeros((len(texts), len(self.heads.labels)), np.float32)
        order = np.argsort([len(row) for row in rows], kind="stable")
        for start in range(0, len(order), ASKED_AT_ONCE):
            chosen = order[start : start + ASKED_AT_ONCE]
            logits = self._model.predict_on_batch(pad([rows[i] for i in chosen]))
            of_heads = logits.reshape(len(chosen), len(self.heads.datasets), -1)
            logarithms = np.log(softmax(of_heads) + SMALLEST_PROBABILITY)
            answers[chosen] = softmax(logarithms.mean(axis=1))
        return answers
