"""Makes the pixels of a picture square."""

import cv2
import numpy as np

from edge.values import Pixels

MAX_ASPECT = 5.0
"""Pixels that are more unequal are damage in a header."""


def stretched(pixels: Pixels, aspect: float) -> Pixels:
    """Returns a picture whose pixels were `aspect` times as wide as high with square ones."""
    if aspect == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def too_large(name: str, width: float, height: float) -> str:
    """Returns the sentence about a picture with more pixels than allowed."""
    return (
        f"{name}: {width:.0f}x{height:.0f} pixels are more than files.max_picture_mpx allows; "
        "make it smaller, or raise that"
    )
