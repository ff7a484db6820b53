"""Lets the detector rest while nobody is in view and nothing moves."""

import cv2
import numpy as np

from edge.perception.features import Pixels

AFTER_S = 3.0
"""Time without anybody or any movement after which the detector rests."""
ROW_STEP = 4
"""Only every fourth row of a picture is looked at."""
CELLS = (32, 24)
"""Columns and rows of the mean values that are compared: noise averages out, a person does not."""
MOVED_LEVELS = 8.0
"""Difference of a cell, 0..255, that counts as movement: the noise of a dark room stays below."""


class Rest:
    """Decides which pictures of an empty scene need no detection.

    While it rests one picture is still detected in every `interval_s`, which finds who comes in too
    slowly or too dark to be noticed. 0 never rests.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._reference: Pixels | None = None
        """The picture detected last, in cells."""
        self._active_s = self._detected_s = float("-inf")

    def skips(self, pixels: Pixels, captured_s: float, occupied: bool) -> bool:
        """Returns whether the next picture, uint8 HxWx3 BGR, needs no detection.

        `occupied` is True while somebody is known to be there.
        """
        if not self._interval_s:
            return False
        if occupied:
            self._active_s, self._reference = captured_s, None
            return False
        cells = _cells(pixels)
        if self._reference is None or _moved(self._reference, cells):
            self._active_s = captured_s
        rests = captured_s - self._active_s >= AFTER_S
        if rests and captured_s - self._detected_s < self._interval_s:
            return True
        self._reference, self._detected_s = cells, captured_s
        return False


def _cells(pixels: Pixels) -> Pixels:
    """Returns the mean values of a picture's cells, uint8[rows, columns, 3]."""
    cells = cv2.resize(pixels[::ROW_STEP], CELLS, interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.uint8)


def _moved(before: Pixels, after: Pixels) -> bool:
    """Returns whether a cell has changed, by the mean over its colours."""
    differences = cv2.absdiff(before, after).sum(axis=2)
    return bool(differences.max() >= 3 * MOVED_LEVELS)
