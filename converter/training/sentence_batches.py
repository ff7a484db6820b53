"""Batches of token ids for a sentence encoder: texts of similar length together."""

from collections.abc import Sequence

import keras
import numpy as np

from converter.distillation.teacher import TOKEN_STEP, Ids, pad, width
from edge.emotions import FloatArray


class SentenceBatches(keras.utils.PyDataset):
    """Token ids and targets in batches of texts of similar length, reordered every epoch."""

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        targets: FloatArray,
        padding: int,
        batch_size: int,
        seed: int,
    ) -> None:
        """`rows` are the token ids of each text, `targets` its float32[texts, …]."""
        super().__init__(workers=1)
        self._rows, self._targets, self._padding = rows, targets, padding
        self._batch_size, self._seed = batch_size, seed
        self.start_epoch(0)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Ids, FloatArray]:
        chosen = self._batches[index]
        return pad([self._rows[i] for i in chosen], self._padding), self._targets[chosen]

    def start_epoch(self, epoch: int, logs: object = None) -> None:
        """Draws batches for an epoch; they depend on the seed and the epoch's number."""
        rng = np.random.default_rng((self._seed, epoch))
        jitter = rng.random(len(self._rows)) * TOKEN_STEP
        order = np.argsort([len(row) for row in self._rows] + jitter)
        cuts = range(self._batch_size, len(order), self._batch_size)
        batches = np.split(order, cuts)
        self._batches = [batches[i] for i in rng.permutation(len(batches))]
        # Keras derives the shape of all batches from the first two, which therefore must differ.
        widths = [width(self._rows[i] for i in batch) for batch in self._batches]
        other = next((i for i, one in enumerate(widths) if one != widths[0]), 0)
        if other > 1:
            self._batches.insert(1, self._batches.pop(other))
