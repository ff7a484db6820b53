"""Turns, mirrors and cuts pictures as the camera's mounting requires."""

import cv2
import numpy as np
import numpy.typing as npt

from edge.config import WHOLE, Camera
from edge.values import Frame

TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
"""OpenCV's codes by degrees clockwise."""


def turned(frame: Frame, camera: Camera) -> Frame:
    """Returns a frame turned clockwise by `camera.rotate`, then mirrored if `camera.mirror`.

    Of the result it has the part in `camera.region`, at least one pixel.
    """
    pixels = frame.pixels
    if camera.rotate:
        pixels = np.asarray(cv2.rotate(pixels, TURNS[camera.rotate]), np.uint8)
    if camera.mirror:
        pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
    if camera.region != WHOLE:
        pixels = _part(pixels, camera.region)
    return Frame(pixels, frame.captured_s)


def _part(
    pixels: npt.NDArray[np.uint8], region: tuple[float, float, float, float]
) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    left, right = (round(share * width) for share in region[::2])
    top, bottom = (round(share * height) for share in region[1::2])
    left, top = min(left, width - 1), min(top, height - 1)
    return np.ascontiguousarray(pixels[top : max(bottom, top + 1), left : max(right, left + 1)])
