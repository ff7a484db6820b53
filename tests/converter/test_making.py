"""Recipes of voices, texts and fusion, from data to pack, on very small networks."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from converter.recipes.recipe import read_recipe
from edge.fusion.model import read_fusion
from edge.perception.manifest import TextInput
from edge.perception.pack import load_pack
from edge.resources import MODELS
from edge.values import MODALITIES, SAMPLE_RATE_HZ
from tests.converter.command_line import convert
from tests.converter.encoders import own_splits
from tests.converter.face_trees import own_set

SPEECH = """\
modality: speech
steps:
  - train: {epochs: 1, batch_size: 4}
  - quantize:
  - report:
"""
TEXT = """\
modality: text
data: [here, there]
steps:
  - train: {run: teacher, only: [here], encoder: bert, epochs: 1, batch_size: 64}
  - train:
      run: text
      teacher: [teacher]
      epochs: 1
      batch_size: 64
      student: {blocks: [0], units: 24, embedding: 8, vocabulary: 1000, length: 16, overlap: 4}
  - quantize:
  - evaluate:
  - report:
"""
FUSION = """\
modality: fusion
steps:
  - fuse: {pairs: 20}
"""


def _recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def _voices(root: Path) -> Path:
    """Three speakers who buzz high when happy and low when sad."""
    times_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for place, speaker in enumerate(("ann", "bob", "cem")):
        for label, pitch_hz in (("happy", 400), ("sad", 120)):
            folder = root / speaker / label
            folder.mkdir(parents=True)
            for number in range(2):
                buzz = (times_s * pitch_hz * (1 + number / 9 + place / 40)) % 1 - 0.5
                soundfile.write(folder / f"{number}.wav", 0.5 * buzz, SAMPLE_RATE_HZ)
    return root


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_voices_are_made_into_a_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = _recipe(tmp_path, SPEECH)
    data = _voices(tmp_path / "voices")
    command = ("make", "speech", "--data", data, "--recipe", recipe)
    assert convert(monkeypatch, *command) == 0
    manifest = load_pack(tmp_path / "made" / "speech" / "models" / "speech.json").manifest
    assert manifest.made_by == read_recipe(recipe).made_by
    assert (tmp_path / "made" / "speech" / "reports" / "speech.md").is_file()
    capsys.readouterr()
    assert convert(monkeypatch, *command) == 0
    assert capsys.readouterr().out.count("unchanged, skipped") == 3


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_texts_are_made_into_a_pack_of_both_networks(
    tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert").symlink_to(bert)
    own_splits(tmp_path, "here", "there")
    recipe = _recipe(tmp_path, TEXT)
    data = ("--data", "here.csv", "--data", "there.csv")
    command = ("make", "text", *data, "--recipe", recipe)
    assert convert(monkeypatch, *command) == 0
    manifest = load_pack(tmp_path / "made" / "text" / "models" / "text.json").manifest
    assert manifest.made_by == read_recipe(recipe).made_by
    assert isinstance(manifest.input, TextInput)
    assert manifest.input.pieces is not None
    assert manifest.input.pieces.length == 16
    capsys.readouterr()
    assert convert(monkeypatch, *command) == 0
    assert capsys.readouterr().out.count("unchanged, skipped") == 5
    assert convert(monkeypatch, "make", "text", *data[:2], "--recipe", recipe) == 1
    assert "recipe.yaml:2: data: there is missing; given: here" in capsys.readouterr().err


@pytest.mark.slow
def test_fusion_is_learned_by_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("converter.fusion.figures.MEASURED_COUNT", 50)
    own_splits(tmp_path, "texts")
    recipe = _recipe(tmp_path, FUSION)
    command = (
        *("make", "fusion", "--recipe", recipe, "--models", MODELS),
        *("--face", own_set(tmp_path / "faces", "happy", "sad", of_each=4)),
        *("--speech", _voices(tmp_path / "voices"), "--text", "texts.csv"),
    )
    assert convert(monkeypatch, *command) == 0
    written = read_fusion(tmp_path / "made" / "fusion" / "models" / "fusion.json")
    assert written.made_by == read_recipe(recipe).made_by
    packs = {one: load_pack(MODELS / f"{one}.json").manifest.sha256 for one in MODALITIES}
    assert written.models == packs
    assert convert(monkeypatch, *command) == 0
    assert "fuse fusion: unchanged, skipped" in capsys.readouterr().out


def test_data_that_the_modality_does_not_take_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(monkeypatch, "make", "fusion", "--data", "x") == 1
    assert convert(monkeypatch, "make", "fusion", "--face", "x") == 1
    assert convert(monkeypatch, "make", "face") == 1
    first, second, third = capsys.readouterr().err.splitlines()
    assert "takes its data by --face, --speech, --text and --people" in first
    assert "make fusion needs --speech" in second
    assert "make face takes its data by --data" in third
