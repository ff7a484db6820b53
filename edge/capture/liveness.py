"""Signs that a device has ceased to work although it goes on giving samples."""

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import SourceError
from edge.values import AudioBlock, Frame

ROW_STEP = 8
"""Every eighth row is looked at: the noise of a sensor is everywhere."""
FROZEN_S = 2.0
"""A sensor's noise makes every picture a new one: one that stays equal for so long is repeated."""
INTER_CODED_FROZEN_S = 10.0
"""The same for H.264 and its kind, which may send a scene at rest as `nothing has changed`."""
BLACK_S = 2.0
BLACK_LEVEL = 16.0
"""0..255: what some cameras call black; the mean of a lit room is far above it."""
BLACK_SPREAD = 5.0
"""0..255, standard deviation: of noise alone; a lamp or a screen in a dark room is more."""
LIT_LEVEL, LIT_SPREAD = 20.0, 7.0
"""From here on a picture that was black is so no more."""
LIT_S = 1.0
"""How long a camera that was black must see something: one that flickers is not told each time."""
SILENCE_S = 30.0
"""Long, for microphones that switch themselves off until somebody speaks."""


class PictureLiveness:
    """Whether a camera's pictures are alive; one object for each opening of the camera."""

    def __init__(self, name: str, frozen_s: float = FROZEN_S) -> None:
        self._name, self._frozen_s = name, frozen_s
        self._rows: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._changed_s = 0.0
        self._lit_s = self._black_s = -np.inf
        self.fault = ""
        """What is wrong with the pictures; empty while nothing is."""

    def update(self, frame: Frame) -> bool:
        """Whether the picture is another than the one before: only then it tells anything.

        Raises SourceError once the camera has repeated one for too long.
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
    """Whether a microphone's sound is alive: a real one has noise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sound_s: float | None = None
        self.fault = ""
        """What is wrong with the sound; empty while nothing is."""

    def update(self, block: AudioBlock) -> None:
        """Takes note of a block of sound; a resampler gives empty ones while it gathers."""
        if self._sound_s is None or (len(block.samples) and np.ptp(block.samples)):
            self._sound_s, self.fault = block.captured_s, ""
        elif block.captured_s - self._sound_s >= SILENCE_S:
            self.fault = f"{self._name} gives digital silence: is it muted?"
