"""Figures and sentences that claim no more than was measured."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from converter.datasets.samples import Samples
from converter.datasets.splits import Splits
from converter.datasets.taught import write_taught
from converter.measuring.evaluate import FLOAT32, SplitPredictions
from converter.measuring.labels import label_rows
from converter.measuring.metrics import seven_scores
from converter.measuring.origin import describe_origin
from edge.emotions import FloatArray
from edge.perception.pack import Pack, load_pack
from edge.resources import MODELS

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def pack() -> Pack:
    """A pack that learned from a data set called mine."""
    shipped = load_pack(MODELS / "face.json")
    manifest = msgspec.structs.replace(shipped.manifest, trained_on=("mine train",))
    return msgspec.structs.replace(shipped, manifest=manifest)


def _samples(pack: Pack, *labels: str) -> Samples:
    names = pack.manifest.labels
    targets = np.eye(len(names), dtype=np.float32)[[names.index(label) for label in labels]]
    pictures = [RNG.integers(0, 256, (8, 8), np.uint8) for _ in labels]
    return Samples(names, pictures, targets, ("mine",) * len(labels))


def _splits(pack: Pack) -> Splits:
    train, held_back, test = (_samples(pack, "happiness", "sadness") for _ in range(3))
    return Splits(("mine",), train, held_back, test, ("train",), "test", "mine")


def _made(run: Path, pack: Pack, splits: Splits) -> Path:
    """A run that the pack was made from, which learned from these splits."""
    run.mkdir()
    (run / FLOAT32).write_bytes(b"")
    (run / FLOAT32).with_suffix(".json").write_text(
        json.dumps({"int8_sha256": pack.manifest.sha256})
    )
    write_taught(run, splits)
    return run


def test_that_no_weight_comes_from_samples_is_said_only_where_hashes_prove_it(
    pack: Pack, tmp_path: Path
) -> None:
    splits = _splits(pack)
    run = _made(tmp_path / "run", pack, splits)
    assert "none of their 2 hashes is among the 4" in describe_origin(splits, pack, run)
    assert "may have taught the model" in describe_origin(splits, pack, tmp_path / "nowhere")


def test_copies_of_training_samples_are_counted_under_any_name(pack: Pack, tmp_path: Path) -> None:
    splits = _splits(pack)
    run = _made(tmp_path / "run", pack, splits)
    renamed = replace(splits, datasets=("other",), test=splits.train)
    assert "2 of these 2 samples taught the model" in describe_origin(renamed, pack, run)


def test_first_weights_from_elsewhere_may_have_learned_from_the_samples(
    pack: Pack, tmp_path: Path
) -> None:
    splits = _splits(pack)
    run = _made(tmp_path / "run", pack, splits)
    manifest = msgspec.structs.replace(pack.manifest, trained_on=("mine train", "FER+ train"))
    started = msgspec.structs.replace(pack, manifest=manifest)
    sentence = describe_origin(splits, started, run)
    assert "may have taught the model: its first weights" in sentence
    assert "FER+ train" in sentence


def test_a_label_without_samples_has_no_figures(pack: Pack) -> None:
    samples = _samples(pack, "happiness", "sadness", "sadness")
    answers: FloatArray = np.asarray(samples.targets * 0.9 + 0.0125, np.float32)
    predictions = SplitPredictions("int8", "mine", "test", samples, answers, answers)
    metrics = predictions.metrics(pack.manifest)
    rows = {row[0]: row[1:] for row in label_rows(predictions, metrics, pack.manifest)}
    assert rows["sadness"] == ("sad", "2", "100.0%", "100.0%", "100.0%")
    assert rows["anger"] == ("angry", "0", "–", "–", "–")
    found = seven_scores(answers, samples, pack.manifest)
    assert {name for name in found if name.startswith("f1_")} == {"f1_happy", "f1_sad"}
