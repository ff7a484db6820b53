"""Picture files of every kind, through to the face that is seen in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_picture
from edge.errors import SourceError
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.values import Frame

EXIF_ORIENTATION = 0x0112
TURNED_RIGHT = 6


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def _rgba(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA), np.uint8)


def _sixteen_bits(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return pixels.astype(np.uint16) * 257


def _eight_k(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, (7680, 5760)), np.uint8)


@pytest.mark.parametrize("variation", [_grey, _rgba, _sixteen_bits, _eight_k])
def test_the_face_is_seen_in_every_kind_of_picture(
    loader: ModelLoader, pixels: Pixels, tmp_path: Path, variation: object
) -> None:
    assert callable(variation)
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), variation(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    read = read_picture(picture)
    assert read.dtype == np.uint8
    assert read.shape[2] == 3
    sighting = loader.new_face().perceive(Frame(read, 0.0))
    assert sighting.faces == 1


def test_a_picture_is_turned_as_its_camera_says(
    loader: ModelLoader, pixels: Pixels, tmp_path: Path
) -> None:
    picture = tmp_path / "turned.jpg"
    lying = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURNED_RIGHT
    lying.save(picture, exif=exif)
    read = read_picture(picture)
    assert read.shape == pixels.shape
    assert loader.new_face().perceive(Frame(read, 0.0)).faces == 1


def test_a_picture_of_one_pixel_holds_no_face(loader: ModelLoader, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    cv2.imwrite(str(picture), np.zeros((1, 1, 3), np.uint8))
    assert loader.new_face().perceive(Frame(read_picture(picture), 0.0)).faces == 0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_a_truncated_picture_is_refused(pixels: Pixels, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"cut{suffix}"
    cv2.imwrite(str(picture), pixels)
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"is it complete\?"):
        read_picture(picture)
