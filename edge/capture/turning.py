"""Turns and mirrors pictures as the camera's mounting requires."""

import cv2
import numpy as np

from edge.config import Camera
from edge.values import Frame

TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
"""OpenCV's codes by degrees clockwise."""


def turned(frame: Frame, camera: Camera) -> Frame:
    """Returns a frame turned clockwise by `camera.rotate`, then mirrored if `camera.mirror`."""
    pixels = frame.pixels
    if camera.rotate:
        pixels = np.asarray(cv2.rotate(pixels, TURNS[camera.rotate]), np.uint8)
    if camera.mirror:
        pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
    return Frame(pixels, frame.captured_s)
