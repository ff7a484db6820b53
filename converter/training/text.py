"""Trains both networks of the text model: a transformer for English, n-grams for the rest."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import msgspec

from converter.datasets.splits import Splits
from converter.distillation.teacher import SentenceTeacher, check_same_texts
from converter.networks.text import mixture
from converter.networks.weights import MODEL
from converter.tasks.base import Task
from converter.tasks.text import NgramsBesideEncoder
from converter.training.runs import CHECKPOINT, INPUT, ORIGINS, Plan, load_run, start_run
from converter.training.student import DEVICE, PIECES, Size, train_student
from converter.training.train import train
from edge.perception.manifest import Pieces

ENCODER_RUN, NGRAMS_RUN = "encoder", "ngrams"
"""In a run: the folders of the two trainings."""


def train_with_teacher(
    task: Task,
    splits: Splits,
    run: Path,
    plan: Plan,
    weights: Sequence[float] = (),
    size: Size = DEVICE,
) -> Path:
    """Distils a fine-tuned encoder for its data sets, and trains n-grams on the others.

    The n-grams also learn which texts are like those of the encoder, see `mixture`. `weights` are
    those of the teacher's heads. The schedule of `plan` is the student's; the n-grams have the
    task's own. Returns the path of the joint model. Raises EmotiondError.
    """
    teacher = SentenceTeacher(plan.teachers[0])
    check_same_texts(teacher, splits.train)
    encoded = tuple(one for one in splits.datasets if one in teacher.heads.fingerprints)
    pieces = _student(teacher, splits.only(encoded), run / ENCODER_RUN, plan, weights, size)
    beside = NgramsBesideEncoder(encoded)
    if not (plan.resume and (run / NGRAMS_RUN / INPUT).is_file()):
        resume = plan.resume and (run / NGRAMS_RUN / CHECKPOINT).is_dir()
        of_ngrams = replace(plan, schedule=task.schedule, teachers=(), resume=resume)
        train(beside, beside.extended(splits), run / NGRAMS_RUN, of_ngrams)
    ngrams, spec = load_run(run / NGRAMS_RUN)
    encoder = keras.models.load_model(run / ENCODER_RUN / MODEL, compile=False)
    start_run(run, replace(plan, resume=False), splits, **{ORIGINS: [teacher.heads.origin]})
    mixture(ngrams, encoder, pieces.length).save(run / MODEL)
    (run / INPUT).write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, pieces=pieces)))
    return run / MODEL


def _student(
    teacher: SentenceTeacher,
    splits: Splits,
    run: Path,
    plan: Plan,
    weights: Sequence[float],
    size: Size,
) -> Pieces:
    """Trains the student, unless a run to resume has finished it; returns its word pieces."""
    if plan.resume and (run / PIECES).is_file():
        return msgspec.json.decode((run / PIECES).read_bytes(), type=Pieces)
    resume = plan.resume and (run / CHECKPOINT).is_dir()
    return train_student(teacher, splits, run, replace(plan, resume=resume), weights, size)
