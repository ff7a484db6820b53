"""Distilling a sentence encoder, and joining it with n-grams into one pack."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from converter.datasets.splits import Splits
from converter.distillation.teacher import SentenceTeacher
from converter.networks.pruning import pruned, smaller
from converter.packing.build import build_pack
from converter.tasks.text import TextTask
from converter.training.fine_tune import fine_tune
from converter.training.runs import Plan
from converter.training.student import Size, choose_pieces, student_targets
from converter.training.text import train_with_teacher
from edge.perception.classifier import Classifier
from edge.perception.manifest import TextInput
from edge.perception.pack import load_pack
from edge.perception.text_features import piece_windows, text_features, text_windows
from tests.converter.encoders import SHORT, VOCABULARY, own_splits

TINY = Size(blocks=(0,), units=24, embedding=8, vocabulary=1000, length=16, overlap=4)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    return own_splits(tmp_path_factory.mktemp("texts"), "here", "there", "elsewhere")


@pytest.fixture(scope="module")
def teacher(
    bert: Path, splits: Splits, tmp_path_factory: pytest.TempPathFactory
) -> SentenceTeacher:
    run = tmp_path_factory.mktemp("teacher")
    fine_tune(bert, splits.only(["here", "there"]), run, Plan(SHORT))
    return SentenceTeacher(run)


@pytest.mark.slow
def test_the_whole_encoder_answers_as_before_it_was_cut(teacher: SentenceTeacher) -> None:
    whole = smaller(teacher.architecture, len(VOCABULARY), 2, 32, 16, 64)
    ids = list(range(len(VOCABULARY)))
    student = pruned(teacher.model, whole, (0, 1), ids, [1] * len(ids), 16, 0.0)
    student.get_layer("logits").set_weights(teacher.model.get_layer("logits").get_weights())
    texts = np.array([[1, 4, 5, 2, 0, 0], [1, 8, 9, 10, 6, 2]], np.int32)
    expected = teacher.model.predict_on_batch(texts)
    assert student.predict_on_batch(texts) == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_the_student_keeps_the_frequent_pieces(teacher: SentenceTeacher) -> None:
    pieces, counts = choose_pieces(teacher, ["so happy", "so sad", "so so"], 7)
    assert pieces == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "i", "so", "happy"]
    assert counts == [0, 0, 0, 0, 0, 4, 1]


@pytest.mark.slow
def test_labels_that_a_data_set_does_not_have_are_masked(
    teacher: SentenceTeacher, splits: Splits
) -> None:
    samples = splits.only(["here"]).train
    family = splits.schemes["here"].family
    known = {**teacher.heads.known_labels, family: ("joy", "neutral")}
    of_two = copy(teacher)
    of_two.heads = msgspec.structs.replace(teacher.heads, known_labels=known)
    # The annotators were not asked about neutral, but texts without an emotion are labelled so.
    scheme = replace(splits.schemes["here"], labels=("joy",))
    targets = student_targets(of_two, samples, {"here": scheme}, ())
    assert (targets[:, 1] == [label in ("joy", "neutral") for label in samples.labels]).all()
    assert targets[:, 2].sum(axis=1) == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_a_teacher_makes_a_pack_of_both_networks(
    teacher: SentenceTeacher, splits: Splits, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    task = TextTask()
    plan = Plan(msgspec.structs.replace(SHORT, epochs=4), teachers=[teacher.run])
    train_with_teacher(task, splits, run, plan, size=TINY)
    path = build_pack(task, splits, run, tmp_path / "models")
    pack = load_pack(path)
    spec = pack.manifest.input
    assert isinstance(spec, TextInput)
    assert spec.pieces is not None
    assert spec.pieces.length == TINY.length
    assert pack.manifest.trained_on == splits.trained_on
    classifier = Classifier(pack)
    model = keras.models.load_model(run / "model.keras", compile=False)
    for text in ("so happy today", "so sad " * 20, ""):
        windows = text_windows(text, spec)
        ids = np.stack(piece_windows(text, spec.pieces))
        ngrams = np.stack([text_features(text, spec)] * len(windows))
        expected = model.predict_on_batch({"ids": ids, "ngrams": ngrams})
        found = np.stack([classifier.logits(one) for one in windows])
        assert found == pytest.approx(expected, abs=0.3)
