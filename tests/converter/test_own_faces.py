from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from converter.datasets.photographs import PhotographReader
from edge.capture.media import read_frames
from edge.perception.detector import Face, open_detector
from edge.perception.face import align
from edge.perception.features import Pixels
from edge.perception.pack import load_pack
from edge.resources import MODELS
from tests.converter.face_trees import PACKINGS, load, own_set, pack, picture, write


@pytest.mark.parametrize("packing", PACKINGS)
def test_own_pictures_are_read_and_named_however_they_are_packed(
    tmp_path: Path, packing: str
) -> None:
    root = own_set(tmp_path / "faces", "happy", "sad")
    splits = load(pack(root, packing))
    assert splits.dataset == ("packed" if packing == "zip in a folder" else "faces")
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (12, 12, 12)
    assert not splits.unusable


def test_own_photographs_are_cropped_and_crops_are_kept(tmp_path: Path) -> None:
    photograph = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    crop = align(photograph, _face(photograph), 96)
    for split in ("train", "val", "test"):
        write(tmp_path / "faces" / split / "happy" / "photograph.png", photograph)
        write(tmp_path / "faces" / split / "happy" / "crop.png", crop)
        write(tmp_path / "faces" / split / "sad" / "tiny.png", picture())
        write(tmp_path / "faces" / split / "sad" / "landscape.jpg", np.tile(picture(), (4, 12)))
    splits = load(tmp_path / "faces")
    assert len(splits.train) == 3
    kept, cropped = splits.train.inputs[:2]
    assert np.abs(kept.astype(float) - cropped.astype(float)).mean() < 12
    assert "whole photographs, cropped to their largest face: 3" in splits.notes
    assert "landscape.jpg: no face in this photograph" in splits.summary()


@pytest.mark.parametrize("kind", ["portrait selfie", "upside down", "crop upside down"])
def test_a_photograph_gives_an_upright_face_of_natural_width(tmp_path: Path, kind: str) -> None:
    photograph = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    face = _face(photograph)
    expected = align(photograph, face, 96)
    left, top, width = 149, 43, 134  # the face fills it
    selfie = photograph[top : top + 194, left : left + width]
    pixels = {
        "portrait selfie": selfie,
        "upside down": np.rot90(photograph, 2),
        "crop upside down": np.rot90(selfie[14 : 14 + width + 8], 2),
    }[kind]
    write(tmp_path / "face.png", np.ascontiguousarray(pixels))
    reader = PhotographReader()
    found = reader.read(tmp_path / "face.png")
    assert not isinstance(found, str)
    grey = cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY).astype(float)
    assert np.corrcoef(found.astype(float).ravel(), grey.ravel())[0, 1] > 0.8
    assert reader.notes == ("whole photographs, cropped to their largest face: 1",)


def _face(pixels: Pixels) -> Face:
    return open_detector(load_pack(MODELS / "detector-short.json"), 0.6).detect(pixels)[0]
