"""Fine-tuning a sentence encoder on emotions."""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from converter.datasets.samples import Samples
from converter.datasets.splits import Splits
from converter.datasets.texts import LABELS
from converter.distillation.phrases import SHARE
from converter.distillation.teacher import SentenceTeacher, encode
from converter.networks import encoder
from converter.training.fine_tune import fine_tune, head_targets, known_labels
from converter.training.runs import CHECKPOINT, Plan
from converter.training.sentence_batches import SentenceBatches
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.ngrams import NEGATORS, tokens
from tests.converter.encoders import SHORT, VOCABULARY, bert_weights, own_splits

ONCE = Plan(msgspec.structs.replace(SHORT, epochs=1, batch_size=64))


def test_a_batch_is_filled_up_with_what_the_tokenizer_pads_with(
    bert: Path, splits: Splits, tmp_path: Path
) -> None:
    text = (bert / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text.replace("[PAD]", "?").replace("day", "<pad>"))
    tokenizer = encoder.read_tokenizer(tmp_path)
    expected = VOCABULARY.index("day")
    assert encoder.padding_id(tokenizer) == expected
    rows = encode(tokenizer, splits.train.inputs)
    ids, _ = SentenceBatches(rows, splits.train.targets, expected, 16, 0)[0]
    assert set(ids[:, -1].tolist()) == {expected}


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_data_sets_of_one_family_share_a_head(bert: Path, tmp_path: Path) -> None:
    splits = own_splits(tmp_path, "english", "films", "german")
    schemes = {
        name: one if name == "films" else replace(one, family="news")
        for name, one in splits.schemes.items()
    }
    fine_tune(bert, replace(splits, schemes=schemes), tmp_path / "run", ONCE)
    teacher = SentenceTeacher(tmp_path / "run")
    assert teacher.heads.families == ("news", "films")
    assert teacher.heads.known_labels == dict.fromkeys(("news", "films"), ("joy", "sadness"))
    assert tuple(teacher.heads.fingerprints) == splits.datasets
    assert teacher.predict(["so happy"]).shape == (1, len(LABELS))


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_every_head_is_trained_on_phrases_and_not_validated_on_them(
    bert: Path, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Samples] = []

    def recorded(samples: Samples, families: Mapping[str, Collection[str]]) -> FloatArray:
        learned.append(samples)
        return head_targets(samples, families)

    monkeypatch.setattr("converter.training.fine_tune.head_targets", recorded)
    fine_tune(bert, splits, tmp_path, ONCE)
    train, held_back = learned
    added = train.subset(np.arange(len(splits.train), len(train)))
    assert len(added) == round(len(splits.train) * SHARE)
    assert set(added.groups) == set(splits.datasets)
    denials = [any(word in NEGATORS for word in tokens(text)) for text in added.inputs]
    assert any(denials)
    assert not all(denials)
    assert held_back.inputs == splits.held_back.inputs


def test_a_label_of_stray_samples_is_not_known(splits: Splits) -> None:
    train = splits.train
    assert known_labels(train) == ("joy", "sadness")
    targets = np.tile(np.eye(len(LABELS), dtype=np.float32)[LABELS.index("joy")], (2000, 1))
    targets[0] = np.eye(len(LABELS))[LABELS.index("sadness")]
    assert known_labels(Samples(LABELS, [""] * 2000, targets, ("here",) * 2000)) == ("joy",)


@pytest.mark.slow
def test_a_run_is_resumed_with_the_same_encoder_andown_splits(
    run: Path, bert: Path, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(EmotiondError, match="no checkpoint to resume from"):
        fine_tune(bert, splits, run, Plan(SHORT, resume=True))
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / CHECKPOINT).mkdir()
    resume = Plan(SHORT, resume=True)
    fewer = replace(splits, train=splits.train.of_groups({"here"}))
    with pytest.raises(EmotiondError, match="was started with other settings: data"):
        fine_tune(bert, fewer, tmp_path / "run", resume)
    other = shutil.copytree(bert, tmp_path / "bert")
    save_file(bert_weights(seed=1), other / "model.safetensors")
    with pytest.raises(EmotiondError, match="was started with other settings: encoder"):
        fine_tune(other, splits, tmp_path / "run", resume)
    with pytest.raises(EmotiondError, match="starts from its own weights, and has no teachers"):
        fine_tune(bert, splits, tmp_path / "run", replace(resume, teachers=[run]))


@pytest.mark.parametrize("seed", range(4))
def test_two_widths_come_first_whatever_the_order(bert: Path, seed: int) -> None:
    texts = ["so happy"] * 60 + ["so happy day " * 5] * 4
    targets = np.eye(len(LABELS), dtype=np.float32)[[3] * 64]
    samples = Samples(LABELS, texts, targets, ("here",) * 64)
    rows = encode(encoder.read_tokenizer(bert), samples.inputs)
    batches = SentenceBatches(rows, targets, 0, 4, seed)
    assert {batches[0][0].shape[1], batches[1][0].shape[1]} == {8, 24}
    assert sum(len(batches[index][0]) for index in range(len(batches))) == 64
