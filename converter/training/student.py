"""Distils a fine-tuned sentence encoder into one that fits a device (Hinton et al. 2015)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import msgspec
import numpy as np
from keras import ops

from converter.datasets.samples import Samples, concatenate
from converter.datasets.splits import AnnotationScheme, Splits
from converter.datasets.texts import partly_spoken
from converter.distillation.phrases import phrases
from converter.distillation.teacher import SentenceTeacher
from converter.networks.pruning import pruned, smaller
from converter.tasks.base import Schedule
from converter.training.losses import MASKED_LOGIT, cross_entropy
from converter.training.runs import Plan, start_run
from converter.training.sentence_batches import SentenceBatches, fit_sentences
from edge.emotions import FloatArray
from edge.perception.manifest import Pieces
from edge.perception.text_features import as_read
from edge.perception.wordpieces import CONTINUED, SPECIAL, WordPieces

SCHEDULE = Schedule(epochs=4, batch_size=32, learning_rate=3e-4, patience=4)
OWN_SHARE = 0.5
"""Share of the teacher's target that is from the head of the text's own data set; the rest is
pooled over all heads, which a text of no data set needs."""
DROPOUT = 0.1
PIECES = "pieces.json"
"""In a run that is finished: the word pieces of the student."""


@dataclass(frozen=True)
class Size:
    """The size of a student; by default about 4 MB in int8."""

    blocks: tuple[int, ...] = (0, 2, 4)
    """The transformer layers of the teacher that it starts from."""
    units: int = 640
    """Hidden units of a layer."""
    embedding: int = 96
    """Size of a piece's embedding, before it is widened."""
    vocabulary: int = 10_000
    """Word pieces."""
    length: int = 48
    """Word pieces of a window."""
    overlap: int = 12


DEVICE = Size()


def choose_pieces(
    teacher: SentenceTeacher, texts: Sequence[str], size: int
) -> tuple[list[str], list[int]]:
    """Returns the teacher's most frequent word pieces in the texts, and how often each occurs.

    SPECIAL come first. Single characters are kept, so that no word of a script is unknown.
    """
    known = teacher.vocabulary
    split = WordPieces(known)
    counts = Counter(piece for text in texts for piece in split.encode(as_read(text)))
    by_piece = {known[place]: count for place, count in counts.items()}
    characters = [one for one in known if len(one.removeprefix(CONTINUED)) == 1]
    kept = dict.fromkeys([*SPECIAL, *(one for one in characters if one.isascii())])
    for piece, _ in sorted(by_piece.items(), key=lambda one: -one[1]):
        if len(kept) >= size:
            break
        kept.setdefault(piece)
    return list(kept), [by_piece.get(piece, 0) for piece in kept]


def token_ids(texts: Sequence[str], spec: Pieces) -> list[list[int]]:
    """Returns the ids of the first window of each text, with its marks, without padding."""
    split = WordPieces(spec.vocabulary)
    read = (split.encode(as_read(text))[: spec.length - 2] for text in texts)
    return [[split.start, *ids, split.end] for ids in read]


def train_student(
    teacher: SentenceTeacher,
    splits: Splits,
    run: Path,
    plan: Plan,
    weights: Sequence[float] = (),
    size: Size = DEVICE,
) -> Pieces:
    """Trains a student of `teacher` on the texts that it was trained on; returns its word pieces.

    `weights` are those of the teacher's heads, see `SentenceTeacher.predict`. Writes model.keras
    and curves into the folder `run`. Raises EmotiondError.
    """
    teacher.check(weights)
    keras.utils.set_random_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    vocabulary, counts = choose_pieces(teacher, splits.train.inputs, size.vocabulary)
    spec = Pieces(tuple(vocabulary), size.length, size.overlap)
    place_of = {piece: place for place, piece in enumerate(teacher.vocabulary)}
    ids = [place_of[piece] for piece in vocabulary]
    blocks, units = len(size.blocks), size.units
    architecture = smaller(
        teacher.architecture, len(vocabulary), blocks, units, size.embedding, size.length
    )
    labels = splits.train.labels
    model = pruned(teacher.model, architecture, size.blocks, ids, counts, len(labels), DROPOUT)
    texts = partly_spoken(splits.train, rng)
    made = phrases(len(texts), ["phrases"], rng)
    padding = SPECIAL.index("[PAD]")
    share = plan.schedule.teacher_share
    train, held_back = (
        SentenceBatches(
            token_ids(samples.inputs, spec),
            student_targets(teacher, samples, splits.schemes, weights),
            padding,
            plan.schedule.batch_size,
            plan.seed,
        )
        for samples in (concatenate([texts, made]), splits.held_back)
    )
    start_run(run, plan, splits, teacher=teacher.heads.fingerprints)
    (run / PIECES).unlink(missing_ok=True)

    def loss(targets: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
        annotated, offered, taught = ops.unstack(targets, 3, axis=1)
        masked = ops.where(offered > 0, logits, MASKED_LOGIT)
        own, distilled = cross_entropy(annotated, masked), cross_entropy(taught, logits)
        return (1 - share) * own + share * distilled

    fit_sentences(model, loss, train, held_back, run, plan)
    (run / PIECES).write_bytes(msgspec.json.encode(spec))
    return spec


def student_targets(
    teacher: SentenceTeacher,
    samples: Samples,
    schemes: dict[str, AnnotationScheme],
    weights: Sequence[float],
) -> FloatArray:
    """Returns float32[samples, 3, labels]: labels, which could be chosen, and the teacher's answer.

    A sample of no data set, such as a made one, has its label in place of the teacher's answer.
    """
    answers = np.stack([samples.targets, np.ones_like(samples.targets), samples.targets], axis=1)
    for dataset, scheme in schemes.items():
        known = teacher.heads.known_labels[scheme.family]
        answers[samples.rows_of({dataset}), 1] = [label in known for label in samples.labels]
    taught = samples.rows_of(set(schemes))
    texts = samples.subset(taught)
    pooled = teacher.predict(texts.inputs, weights)
    own = teacher.predict_as(texts.inputs, [schemes[name].family for name in texts.groups])
    answers[taught, 2] = OWN_SHARE * own + (1 - OWN_SHARE) * pooled
    return answers
