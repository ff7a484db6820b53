"""Finds and crops faces as the device does, for the loaders of photographs and clips."""

import cv2
import numpy as np

from converter.datasets.pictures import LARGEST_SIDE
from edge.config import Models
from edge.perception.detector import Face
from edge.perception.face import align
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.perception.orientation import SURE_SCORE, put_upright


class FaceCropper:
    """The detector that ships, as configured by default, and the alignment by the eyes."""

    def __init__(self) -> None:
        self._detector = ModelLoader(Models()).detector

    def find(self, pixels: Pixels) -> Face | None:
        """Returns the largest face in a BGR picture, uint8 HxWx3, put upright, or None."""
        detect = self._detector.detect
        face = next(iter(detect(pixels)), None)
        if face is None or face.score >= SURE_SCORE:
            return face
        return put_upright(detect, pixels, face)

    def crop(self, pixels: Pixels, face: Face) -> Pixels:
        """Returns an aligned face, uint8[side, side] grey."""
        aligned = align(pixels, face, LARGEST_SIDE)
        return np.asarray(cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY), np.uint8)
