"""Fine-tunes a pretrained sentence encoder on emotions; the run can then be a teacher."""

import hashlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import keras
import msgspec
import numpy as np
from keras import ops

from converter.datasets.samples import Samples, concatenate
from converter.datasets.splits import Splits, by_family
from converter.datasets.texts import partly_spoken
from converter.distillation.phrases import phrases
from converter.distillation.teacher import ANSWERS, HEADS, Heads, encode, fingerprint
from converter.networks import encoder
from converter.networks.weights import MODEL
from converter.tasks.base import Schedule
from converter.training.losses import cross_entropy
from converter.training.runs import Plan, start_run
from converter.training.sentence_batches import SentenceBatches, fit_sentences
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


def head_targets(samples: Samples, families: Mapping[str, Collection[str]]) -> FloatArray:
    """Returns the targets of each family's head, float32[samples, families, labels].

    A head is trained on the samples of its family's data sets; other samples have none for it.
    """
    targets = np.zeros((len(samples), len(families), len(samples.labels)), np.float32)
    head_of = {name: head for head, names in enumerate(families.values()) for name in names}
    heads = [head_of[group] for group in samples.groups]
    targets[np.arange(len(samples)), heads] = samples.targets
    return targets


def fine_tune(folder: Path, splits: Splits, run: Path, plan: Plan) -> Path:
    """Fine-tunes the encoder in `folder` on `splits`; returns the path of the model.

    Every head is trained on `phrases` as well, and a part of the texts are as spoken. Keeps the
    epoch with the lowest loss on held-back texts. Raises EmotiondError.
    """
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
        SentenceBatches(
            encode(tokenizer, samples.inputs),
            head_targets(samples, families),
            encoder.padding_id(tokenizer),
            plan.schedule.batch_size,
            plan.seed,
        )
        for samples in (texts, splits.held_back)
    )
    weights = hashlib.sha256((folder / encoder.WEIGHTS).read_bytes()).hexdigest()
    start_run(run, plan, splits, encoder=weights)
    (run / HEADS).unlink(missing_ok=True)
    shutil.rmtree(run / ANSWERS, ignore_errors=True)
    for file in (encoder.CONFIG, encoder.TOKENIZER):
        shutil.copy(folder / file, run)
    fit_sentences(model, _loss, train, held_back, run, plan)
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
