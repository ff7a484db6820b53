"""Recipes: read with every fault, run from data to pack, and run again without what is done."""

import json
import re
from pathlib import Path

import pytest

from converter.recipes import make as making
from converter.recipes.check import check_data, check_steps
from converter.recipes.progress import Progress, duration
from converter.recipes.recipe import FOLDER, OWN, find_recipe, read_recipe
from edge.errors import EmotiondError
from edge.perception.pack import load_pack
from tests.converter.command_line import convert
from tests.converter.face_trees import own_set

TINY_FACE = """\
modality: face
steps:
  - train: {run: first, side: 32, width: 0.1, epochs: 1, batch_size: 4}
  - train: {run: face, side: 32, width: 0.1, epochs: 1, batch_size: 4, weights: first}
  - quantize:
  - evaluate:
  - report:
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(EmotiondError) as refused:
        check_steps(read_recipe(path))
    return str(refused.value).replace(f"{path}:", "")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_that_ships_has_no_fault_but_files_that_it_does_not_ship_with(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.modality == path.stem.removeprefix(OWN)
    assert len(recipe.sha256) == 64
    if recipe.modality != "fusion":
        own = not recipe.data
        assert own == path.stem.startswith(OWN)
        kinds = [step.kind for step in recipe.steps]
        assert kinds[-1] == "report"
        assert "quantize" in kinds
    missing = {"face": "faceres.json", "text": "all-MiniLM-L6-v2"}
    if path.stem in missing:
        assert missing[path.stem] in _refusal(path)
    elif recipe.modality != "fusion":
        check_steps(recipe)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("modality: face\n", ["1: steps: missing; every recipe has it"]),
        ("modality: smell\nsteps: [report]\n", ["1: modality: 'smell' is not allowed"]),
        (
            "modality: face\nstep: []\nsteps:\n  - report:\n",
            ["2: step: unknown key; did you mean steps?"],
        ),
        (
            "modality: face\nsteps:\n  - trian: {}\n  - quantise: {}\n",
            ["3: trian: unknown key; did you mean train?", "4: quantise: unknown key; did you"],
        ),
        (
            "modality: speech\nsteps:\n  - train: {side: 48}\n",
            ["3: train.side: unknown key"],
        ),
        (
            "modality: face\nsteps:\n  - train:\n      epochs: 0\n",
            ["4: train.epochs: '0' is not allowed: expected int >= 1"],
        ),
        (
            "modality: face\nsteps:\n  - train: {}\n    quantize: {}\n",
            ["3: steps: train and quantize are one step; write each with a `-` of its own"],
        ),
        (
            "modality: face\nsteps:\n  - quantize: {}\n",
            ["3: quantize: no training before it; put a `train` step first"],
        ),
        (
            "modality: face\nsteps:\n  - train: {run: first}\n  - train: {weights: fisrt}\n",
            ["4: weights: fisrt is neither an earlier training nor a file that exists; did you"],
        ),
        (
            "modality: face\nsteps:\n  - train: {}\n  - quantize: {run: other}\n",
            ["4: run: other is not an earlier training; earlier trainings: face"],
        ),
        (
            "modality: face\nsteps:\n  - train: {from: speech}\n",
            ["3: from speech: it is a speech model; face was asked for"],
        ),
        (
            "modality: text\nsteps:\n  - train: {encoder: bert}\n",
            ["3: encoder: the folder bert does not exist; put the sentence encoder there"],
        ),
        ("modality: face\nsteps: [\n", ["3: not valid YAML"]),
        ("modality: face\nsteps: " + "[" * 5000, ["2: nested too deeply"]),
        ("modality: face\nsteps: \a", ["2: not text: it has the character U+0007"]),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, text: str, faults: list[str]) -> None:
    lines = _refusal(_write(tmp_path, text)).splitlines()
    assert len(lines) == len(faults)
    for line, expected in zip(lines, faults, strict=True):
        assert line.startswith(expected)


def test_a_data_set_that_is_missing_is_named_with_its_line() -> None:
    with pytest.raises(EmotiondError, match=r"yaml:5: data: RAVDESS is missing; given: mine"):
        check_data(read_recipe(find_recipe("speech")), ("mine",))


def test_a_recipe_that_does_not_exist_is_refused() -> None:
    with pytest.raises(EmotiondError, match="name of one that ships: face, fusion, own_face"):
        find_recipe("smell")


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_faces_are_made_into_a_pack_and_what_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = own_set(tmp_path / "mine", "happy", "sad", of_each=4)
    recipe = _write(tmp_path, TINY_FACE)
    command = ("make", "face", "--data", data, "--recipe", recipe, "--output", "out")

    def interrupted(*_: object) -> None:
        raise EmotiondError("interrupted")

    with monkeypatch.context() as patch:
        patch.setitem(making.ACTIONS, "quantize", interrupted)
        assert convert(monkeypatch, *command) == 1
    printed = capsys.readouterr().out
    assert "[1/5] train first: less than a minute" in printed
    assert printed.count("samples teach a network little from scratch; --from face") == 1
    assert convert(monkeypatch, *command) == 0
    printed = capsys.readouterr().out
    assert "[1/5] train first: unchanged, skipped" in printed
    assert "[2/5] train face: unchanged, skipped" in printed
    assert "[3/5] quantize face: less than a minute" in printed
    assert (
        f"use it: models: {{face: {{model: {tmp_path / 'out' / 'models' / 'face.json'}}}}}"
        in printed
    )
    assert re.search(r"^mine, held back: \d+% of \d+ right, mean recall \d+%$", printed, re.M)
    assert re.search(r"^mine, test: \d+% of \d+ right, mean recall \d+%$", printed, re.M)
    manifest = load_pack(tmp_path / "out" / "models" / "face.json").manifest
    assert manifest.made_by == read_recipe(recipe).made_by
    assert {metric.split for metric in manifest.metrics} >= {"held back", "test"}
    assert (tmp_path / "out" / "reports" / "face.md").is_file()
    assert convert(monkeypatch, *command) == 0
    assert capsys.readouterr().out.count("unchanged, skipped") == 5
    (tmp_path / "out" / "models" / "face.json").unlink()
    assert convert(monkeypatch, *command) == 0
    printed = capsys.readouterr().out
    assert printed.count("unchanged, skipped") == 3
    assert "[5/5] report face: unchanged, skipped" in printed  # the pack is the same to the byte
    assert load_pack(tmp_path / "out" / "models" / "face.json").manifest.metrics == manifest.metrics


def test_a_step_is_done_only_with_the_same_inputs_and_outputs(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_text("weights")
    progress = Progress(tmp_path)
    progress.start("train a", "key")
    assert Progress(tmp_path).was_started("train a", "key")
    progress.finish("train a", {model: True}, 12.0, 6)
    again = Progress(tmp_path)
    assert again.is_done("train a", "key")
    assert not again.is_done("train a", "another key")
    assert not again.was_started("train a", "key")
    assert again.seconds_a_unit("face", "train") == 2.0
    assert again.seconds_of("train a") == 12.0
    model.write_text("others")
    assert not again.is_done("train a", "key")
    (tmp_path / "make.json").write_text(json.dumps({"done": 3}))
    assert not Progress(tmp_path).is_done("train a", "key")


def test_durations_are_as_a_person_says_them() -> None:
    said = [duration(seconds) for seconds in (5, 100, 5000, 9000)]
    assert said == ["less than a minute", "about 2 min", "about 83 min", "about 2.5 h"]
