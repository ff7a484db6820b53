"""Distillation of the text model: targets, variations, the teacher of each data set."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from converter.datasets.splits import Splits
from converter.datasets.texts import LABELS
from converter.distillation.targets import NEGATIONS, DistillationOptions, distil_targets, vary
from converter.distillation.teacher import SentenceTeacher
from converter.tasks.base import Schedule
from converter.tasks.text import TextTask
from converter.training.runs import CHECKPOINT, Plan, origin
from converter.training.train import train
from edge.errors import EmotiondError
from tests.converter.command_line import convert
from tests.converter.encoders import own_splits


def test_variations_are_parts_of_texts() -> None:
    rng = np.random.default_rng(0)
    text, other = "one two three four", "five six seven"
    found = {vary(text, other, rng) for _ in range(300)}
    assert {"one two", "two three four", "three", "one two four", "one two six seven"} < found
    assert {"one", "one one"} < {vary("one", "one", rng) for _ in range(50)}


def test_each_sign_of_a_script_without_spaces_is_a_word() -> None:
    rng = np.random.default_rng(0)
    found = {vary("我很 ok", "好", rng) for _ in range(300)}
    assert {"我", "很", "很 ok", "我 ok"} < found


def test_some_variations_are_negated() -> None:
    rng = np.random.default_rng(0)
    found = {vary("one two", "three", rng) for _ in range(3000)}
    negated = {text for text in found if not set(text.split()) <= {"one", "two", "three"}}
    assert negated == {f"{n} {run}" for n in NEGATIONS for run in ("one", "two", "one two")}


@pytest.mark.slow
def test_targets_are_shared_between_labels_and_teacher(run: Path, splits: Splits) -> None:
    before = splits.train.targets.copy()
    distilled = distil_targets(splits.train, [run], 0.25, 0, DistillationOptions(variations=1400))
    assert np.array_equal(splits.train.targets, before)
    groups = np.array(distilled.groups)
    for dataset in ("here", "there"):
        own = splits.train.of_groups({dataset})
        rows = np.flatnonzero(groups == dataset)
        assert [distilled.inputs[row] for row in rows[: len(own)]] == list(own.inputs)
        predicted = SentenceTeacher(run).predict(own.inputs)
        expected = 0.75 * own.targets + 0.25 * predicted
        assert distilled.targets[rows[: len(own)]] == pytest.approx(expected, abs=1e-3)
        assert 700 <= len(rows) - len(own) < 700 + len(own)
    assert distilled.targets.sum(axis=1) == pytest.approx(1, abs=1e-4)


def _other(run: Path, folder: Path, **changed: object) -> SentenceTeacher:
    """A copy of a teacher with some keys of heads.json changed and with opposite logits."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("answers"))
    heads = json.loads((run / "heads.json").read_text())
    (folder / "heads.json").write_text(json.dumps(heads | changed))
    model = keras.models.load_model(run / "model.keras", compile=False)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([-kernel, bias])
    model.save(folder / "model.keras")
    return SentenceTeacher(folder)


@pytest.mark.slow
def test_a_data_sets_teacher_is_the_first_one_trained_on_it(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    learned = json.loads((run / "heads.json").read_text())["learned"]
    only_here = _other(run, tmp_path / "first", learned={"here": learned["here"]})
    weights = ((0.5, 0.25), (0.75, 0.5))
    options = DistillationOptions(head_weights=weights, variations=1000)
    distilled = distil_targets(splits.train, [only_here.run, run], 1.0, 0, options)
    groups = np.array(distilled.groups)
    of_each = zip(("here", "there"), (only_here, SentenceTeacher(run)), weights, strict=True)
    for dataset, teacher, weighed in of_each:
        own = splits.train.of_groups({dataset})
        rows = np.flatnonzero(groups == dataset)
        predicted = teacher.predict(own.inputs, weighed)
        assert distilled.targets[rows[: len(own)]] == pytest.approx(predicted, abs=1e-6)
        assert 1000 <= len(rows) - len(own) < 1000 + len(own)
    with pytest.raises(EmotiondError, match="for 1 of 2 teachers; give it once for"):
        distil_targets(
            splits.train,
            [only_here.run, run],
            1.0,
            0,
            DistillationOptions(head_weights=weights[:1]),
        )
    with pytest.raises(EmotiondError, match="first: no data set is left for this teacher"):
        distil_targets(splits.train, [run, only_here.run], 1.0, 0, DistillationOptions())


@pytest.mark.slow
def test_an_untaught_data_set_keeps_its_labels_and_leaves_others_their_variations(
    run: Path, splits: Splits
) -> None:
    both = distil_targets(splits.train, [run], 1.0, 0, DistillationOptions(variations=2))
    some = distil_targets(
        splits.train, [run], 1.0, 0, DistillationOptions(variations=2, untaught=["here"])
    )
    here, own = some.of_groups({"here"}), splits.train.of_groups({"here"})
    assert here.inputs == own.inputs
    assert np.array_equal(here.targets, own.targets)
    assert some.of_groups({"there"}).inputs == both.of_groups({"there"}).inputs


@pytest.mark.slow
def test_a_teacher_of_other_data_or_labels_is_refused(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    elsewhere = replace(splits.train, groups=("elsewhere",) * len(splits.train))
    with pytest.raises(EmotiondError, match="trained on here, there; --data has none of these"):
        distil_targets(elsewhere, [run], 0.5, 0, DistillationOptions())
    changed = replace(splits.train, inputs=[f"{text}." for text in splits.train.inputs])
    with pytest.raises(EmotiondError, match="trained on other texts of here; train it again"):
        distil_targets(changed, [run], 0.5, 0, DistillationOptions())
    turned = _other(run, tmp_path / "turned", labels=LABELS[::-1])
    with pytest.raises(EmotiondError, match="has other labels"):
        distil_targets(splits.train, [turned.run], 0.5, 0, DistillationOptions())


@pytest.mark.slow
def test_a_models_origin_includes_its_teachers_data(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    heads = msgspec.json.decode((run / "heads.json").read_bytes())
    heads["origin"] = {"trained_on": ["films train"], "licence": "CC BY 4.0 (films)"}
    shutil.copytree(run, tmp_path / "teacher", ignore=shutil.ignore_patterns("answers"))
    (tmp_path / "teacher" / "heads.json").write_bytes(msgspec.json.encode(heads))
    schedule = Schedule(epochs=1, batch_size=64, learning_rate=1e-3, patience=1)
    plan = Plan(schedule, teachers=(tmp_path / "teacher",))
    train(TextTask(variations=100), splits, tmp_path / "run", plan)
    recorded = origin(tmp_path / "run", splits)
    assert recorded.trained_on == (*splits.trained_on, "films train")
    assert recorded.licence == f"{splits.licence}; CC BY 4.0 (films)"
    weights = tmp_path / "run" / "model.keras"
    train(TextTask(), splits, tmp_path / "next", Plan(schedule, weights=weights))
    assert origin(tmp_path / "next", splits) == recorded
    (tmp_path / "next" / "settings.json").unlink()
    with pytest.raises(EmotiondError, match=r"settings\.json: cannot be read"):
        origin(tmp_path / "next", splits)


@pytest.mark.slow
def test_the_command_line_sets_the_distillation_options(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own_splits(tmp_path, "here", "there")
    data = [part for name in ("here", "there") for part in ("--data", tmp_path / f"{name}.csv")]
    options = ["--teacher", run, "--head-weights", 1, 0.5, "--variations", 200]
    own = ["--epochs", 1, "--batch-size", 32, "--run", tmp_path / "run", "--untaught", "there"]
    assert convert(monkeypatch, "train", "text", *data, *own, *options) == 0
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    expected = {"head_weights": [[1.0, 0.5]], "variations": 200, "untaught": ["there"]}
    assert settings["lessons"] == expected
    (tmp_path / "run" / CHECKPOINT).mkdir()
    changed = [*options[:-1], 300, "--resume"]
    assert convert(monkeypatch, "train", "text", *data, *own, *changed) == 1
    assert "was started with other settings: lessons" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--variations", "9", "--untaught", "here"], "--variations, --untaught need --teacher"),
        (["--encoder", ".", "--head-weights", "1"], "--head-weights needs --teacher"),
        (
            ["--teacher", "t", "--untaught", "here", "--aside", "here"],
            "--untaught 'here' has no effect",
        ),
        (["--teacher", "t", "--untaught", "nowhere"], "no data set is called 'nowhere'"),
    ],
)
def test_options_without_effect_are_refused(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own_splits(tmp_path, "here", "there")
    data = [part for name in ("here", "there") for part in ("--data", tmp_path / f"{name}.csv")]
    run = ["--run", tmp_path / "run"]
    assert convert(monkeypatch, "train", "text", *data, *run, *arguments) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
