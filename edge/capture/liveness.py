"""Detects devices that have failed although they still deliver samples."""

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import SourceError
from edge.values import AudioBlock, Frame

ROW_STEP = 8
"""Only every eighth row is compared: sensor noise is everywhere."""
FROZEN_S = 2.0
"""A picture that stays identical for this long is repeated: sensor noise changes every new one."""
INTER_CODED_FROZEN_S = 10.0
"""The same for H.264 and similar codecs, which may encode a still scene as unchanged."""
BLACK_S = 2.0
BLACK_LEVEL = 16.0
"""0..255: the black of some cameras; the mean of a lit room is far above it."""
BLACK_SPREAD = 5.0
"""0..255, standard deviation of noise alone; a lamp or a screen in a dark room exceeds it."""
LIT_LEVEL, LIT_SPREAD = 20.0, 7.0
"""Level and spread from which a black picture counts as lit again."""
LIT_S = 1.0
"""A black camera must be lit for this long, so that flicker does not change the status."""
SILENCE_S = 30.0
"""Long, because some microphones switch themselves off until someone speaks."""


class PictureLiveness:
    """Detects frozen and black pictures of a camera; create one each time the camera is opened."""

    def __init__(self, name: str, frozen_s: float = FROZEN_S) -> None:
        self._name, self._frozen_s = name, frozen_s
        self._rows: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._changed_s = 0.0
        self._lit_s = self._black_s = -np.inf
        self.fault = ""
        """Reason why the current pictures are useless; else empty."""

    def update(self, frame: Frame) -> bool:
        """Returns True for a new picture, False for a repeated one, which carries no information.

        Raises SourceError once the camera has repeated a picture for `frozen_s`.
        """
        rows = frame.pixels[::ROW_STEP]
        if np.array_equal(rows, self._rows):
            if frame.captured_s - self._changed_s >= self._frozen_s:
                raise SourceError(f"{self._name} repeats its last picture")
            return False
        self._rows, self._changed_s = rows.copy(), frame.captured_s
        self._update_fault(frame.captured_s)
        return True

    def _update_fault(self, now_s: float) -> None:
        means, spreads = cv2.meanStdDev(self._rows)
        level, spread = float(means.mean()), float(spreads.max())
        limits = (LIT_LEVEL, LIT_SPREAD) if self.fault else (BLACK_LEVEL, BLACK_SPREAD)
        if level > limits[0] or spread > limits[1] or self._lit_s == -np.inf:
            self._lit_s = now_s
        else:
            self._black_s = now_s
        if now_s - self._lit_s >= BLACK_S:
            self.fault = f"{self._name} sees only black: is its lens covered, or the room dark?"
        elif now_s - self._black_s >= LIT_S:
            self.fault = ""


class SoundLiveness:
    """Detects digital silence of a microphone: a real signal has noise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sound_s: float | None = None
        self.fault = ""
        """Reason why the current sound is useless; else empty."""

    def update(self, block: AudioBlock) -> None:
        """Checks a block of sound; empty blocks, as a resampler gives at first, count as silent."""
        if self._sound_s is None or (len(block.samples) and np.ptp(block.samples)):
            self._sound_s, self.fault = block.captured_s, ""
        elif block.captured_s - self._sound_s >= SILENCE_S:
            self.fault = f"{self._name} gives digital silence: is it muted?"
