"""Fine-tunes a pretrained sentence encoder on emotions; the run can then be a teacher."""

import hashlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import keras
import msgspec
import numpy as np
from keras import ops
from tokenizers import Tokenizer

from converter.datasets.samples import Samples, concatenate
from converter.datasets.splits import Splits, by_family
from converter.datasets.texts import partly_spoken
from converter.distillation.phrases import phrases
from converter.distillation.teacher import (
    ANSWERS,
    HEADS,
    TOKEN_STEP,
    Heads,
    Ids,
    encode,
    fingerprint,
    pad,
    width,
)
from converter.networks import encoder
from converter.networks.weights import MODEL
from converter.tasks.base import Schedule
from converter.training.losses import cross_entropy
from converter.training.runs import Plan, check_trained, start_run
from converter.training.train import callbacks, cosine_schedule
from edge.emotions import FloatArray
from edge.errors import EmotiondError

SCHEDULE = Schedule(epochs=2, batch_size=32, learning_rate=8e-5, patience=2)
# Frozen layers: they have most of the weights, and so few texts hardly change them.
FROZEN = ("words", "positions", "types")
# A label with at most this share of a family's samples is not one of its annotators' labels.
STRAY_SHARE = 0.001


def _loss(targets: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the cross-entropy of the heads that have targets, [batch, heads, labels]."""
    return ops.sum(cross_entropy(targets, ops.reshape(logits, ops.shape(targets))), axis=-1)


def known_labels(samples: Samples) -> tuple[str, ...]:
    """Returns the labels that more than a STRAY_SHARE of the samples have."""
    shares = samples.targets.mean(axis=0)
    return tuple(samples.labels[one] for one in np.flatnonzero(shares > STRAY_SHARE))


class SentenceBatches(keras.utils.PyDataset):
    """Token ids and targets in batches of texts of similar length, reordered every epoch."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        samples: Samples,
        families: Mapping[str, Collection[str]],
        batch_size: int,
        seed: int,
    ) -> None:
        """Each of the families has a head, trained on the samples of its data sets."""
        super().__init__(workers=1)
        self._rows = encode(tokenizer, samples.inputs)
        self._padding = encoder.padding_id(tokenizer)
        self._targets = np.zeros((len(samples), len(families), len(samples.labels)), np.float32)
        head_of = {name: head for head, names in enumerate(families.values()) for name in names}
        heads = [head_of[group] for group in samples.groups]
        self._targets[np.arange(len(samples)), heads] = samples.targets
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


def fine_tune(folder: Path, splits: Splits, run: Path, plan: Plan) -> Path:
    """Fine-tunes the encoder in `folder` on `splits`; returns the path of the model.

    Every head is trained on `phrases` as well, and a part of the texts are as spoken. Keeps the
    epoch with the lowest loss on held-back texts. Raises EmotiondError.
    """
    schedule = plan.schedule
    keras.utils.set_random_seed(plan.seed)
    architecture, tokenizer = encoder.read_architecture(folder), encoder.read_tokenizer(folder)
    if plan.weights is not None or plan.teachers:
        raise EmotiondError(
            "an encoder starts from its own weights, and has no teachers; "
            "leave --weights and --teacher out"
        )
    families = by_family(splits.schemes)
    outputs = len(families) * len(splits.train.labels)
    model = encoder.build(architecture, outputs, encoder.padding_id(tokenizer))
    encoder.load_weights(model, architecture, folder)
    for name in FROZEN:
        model.get_layer(name).trainable = False
    rng = np.random.default_rng(plan.seed)
    one_of_each = [next(iter(datasets)) for datasets in families.values()]
    more = phrases(len(splits.train), one_of_each, rng)
    texts = concatenate([partly_spoken(splits.train, rng), more])
    train, held_back = (
        SentenceBatches(tokenizer, samples, families, schedule.batch_size, plan.seed)
        for samples in (texts, splits.held_back)
    )
    weights = hashlib.sha256((folder / encoder.WEIGHTS).read_bytes()).hexdigest()
    start_run(run, plan, splits, encoder=weights)
    (run / HEADS).unlink(missing_ok=True)
    shutil.rmtree(run / ANSWERS, ignore_errors=True)
    shutil.copy(folder / encoder.TOKENIZER, run)
    rate = cosine_schedule(schedule.learning_rate, len(train) * schedule.epochs)
    decay = schedule.weight_decay
    model.compile(keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0), _loss)
    model.optimizer.build(model.trainable_variables)  # see `create_variables`
    model.fit(
        train,
        validation_data=held_back,
        epochs=schedule.epochs,
        callbacks=callbacks(run, train.start_epoch, plan, averaged=False),
    )
    check_trained(run)
    (run / HEADS).write_bytes(msgspec.json.encode(_heads(splits)))
    return run / MODEL


def _heads(splits: Splits) -> Heads:
    texts, families = splits.train.of_groups, by_family(splits.schemes)
    return Heads(
        tuple(families),
        splits.train.labels,
        {family: known_labels(texts(datasets)) for family, datasets in families.items()},
        {dataset: fingerprint(texts({dataset}).inputs) for dataset in splits.schemes},
        splits.origin,
    )
