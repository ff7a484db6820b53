"""Own face pictures as people have them: crops, or whole photographs with a face somewhere."""

import cv2
import numpy as np

from converter.datasets.files import Root
from converter.datasets.pictures import LARGEST_SIDE, decode
from edge.perception.detector import Face, open_detector
from edge.perception.face import EYES, align
from edge.perception.features import Pixels
from edge.perception.pack import load_pack
from edge.resources import MODELS

MIN_SCORE = 0.6
# In a crop the eyes are this share of the width apart; in a photograph much less.
EYES_OF_CROP = float(EYES[1, 0] - EYES[0, 0])
PHOTOGRAPH_SHARE = 0.75
"""A picture whose eyes are closer together, by this factor, is taken for a photograph."""
MAX_CROP_SIDE, MAX_CROP_ASPECT = 512, 1.3
"""A larger or less square picture without a face in it is no crop either."""


class PhotographReader:
    """Reads pictures as grey squares; the face of a photograph is cropped as on the device."""

    def __init__(self) -> None:
        self._detector = open_detector(load_pack(MODELS / "detector-short.json"), MIN_SCORE)
        self.cropped = 0
        """Photographs so far."""

    def read(self, file: Root) -> Pixels | str:
        """Returns uint8[side, side], or the reason why a picture cannot be used."""
        try:
            data = file.read_bytes()
        except OSError:
            return "not a readable picture"
        square, photograph = decode(data), _decode_colour(data)
        if square is None or photograph is None:
            return "not a readable picture"
        faces = self._detector.detect(photograph)
        if not faces:
            return square if _may_be_crop(photograph) else "no face in this photograph"
        if _is_crop(faces[0], photograph):
            return square
        self.cropped += 1
        aligned = align(photograph, faces[0], LARGEST_SIDE)
        return np.asarray(cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY), np.uint8)


def _decode_colour(data: bytes) -> Pixels | None:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _is_crop(face: Face, picture: Pixels) -> bool:
    return bool(face.eye_distance >= PHOTOGRAPH_SHARE * EYES_OF_CROP * picture.shape[1])


def _may_be_crop(picture: Pixels) -> bool:
    height, width = picture.shape[:2]
    is_square = max(height, width) <= MAX_CROP_ASPECT * min(height, width)
    return bool(is_square and max(height, width) <= MAX_CROP_SIDE)
