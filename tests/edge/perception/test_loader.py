import json
import shutil
from pathlib import Path

import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.config import Face, Models
from edge.errors import ModelError
from edge.installed import InstalledFiles
from edge.perception.loader import ModelLoader
from edge.perception.pack import read_manifest
from edge.resources import MODELS
from tests.support.packs import crashing_pack


def test_a_pack_of_another_modality_is_refused() -> None:
    models = Models(text=Models().text.__class__(model="speech.json"))
    with pytest.raises(ModelError, match="this is a speech model, a text model was expected"):
        _ = ModelLoader(models).text


def test_a_manifest_that_is_not_the_signed_one_is_refused(tmp_path: Path) -> None:
    for name in ("speech.json", "speech.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    loader = ModelLoader(Models(), installed=InstalledFiles(tmp_path, {"speech.json": "0" * 64}))
    with pytest.raises(ModelError, match="it has changed since its signature was checked"):
        loader.load("speech.json", "speech")


def test_faces_narrower_than_configured_are_ignored_and_not_counted() -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 30.0)))
    (face,) = ModelLoader(Models()).detector.detect(frame.pixels)
    width_px = int(face.box[2] - face.box[0])
    counts = [
        ModelLoader(Models(face=Face(min_face_px=least))).new_face().perceive(frame).faces
        for least in (width_px, width_px + 1)
    ]
    assert counts == [1, 0]


def test_a_model_that_ends_its_process_is_an_error(tmp_path: Path) -> None:
    crashing_pack(tmp_path)
    with pytest.raises(ModelError, match=r"speech\.json: running it ends the process \(SIGSEGV\)"):
        ModelLoader(Models(folder=str(tmp_path))).new_speech()


def test_a_user_has_each_model_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    _ = ModelLoader(Models()).detector
    (tried,) = json.loads((tmp_path / "emotiond" / "tried-models.json").read_bytes())
    assert tried.startswith(read_manifest(MODELS / "detector-short.json").sha256)


def test_a_user_whose_home_cannot_be_written_gets_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/proc")
    assert ModelLoader(Models()).text is not None
