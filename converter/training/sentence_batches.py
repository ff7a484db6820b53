"""Trains a sentence encoder on batches of token ids: texts of similar length together."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from converter.distillation.teacher import TOKEN_STEP, Ids, pad, width
from converter.training.runs import Plan, check_trained
from converter.training.train import callbacks, cosine_schedule
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


def fit_sentences(
    model: keras.Model,
    loss: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
    train: SentenceBatches,
    held_back: SentenceBatches,
    run: Path,
    plan: Plan,
) -> None:
    """Trains an encoder by the plan's schedule, and keeps the best epoch in the started `run`."""
    schedule = plan.schedule
    rate = cosine_schedule(schedule.learning_rate, len(train) * schedule.epochs)
    decay = schedule.weight_decay
    model.compile(keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0), loss)
    model.optimizer.build(model.trainable_variables)  # see `create_variables`
    model.fit(
        train,
        validation_data=held_back,
        epochs=schedule.epochs,
        callbacks=callbacks(run, train.start_epoch, plan, averaged=False),
    )
    check_trained(run)
