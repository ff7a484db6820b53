"""Tells by its level alone that nobody speaks in a room: far cheaper than to detect voices."""

from collections import deque

import numpy as np

from edge.emotions import FloatArray
from edge.values import Sound

STANDS_OUT_DB = 6.0
"""A room's own noise varies by less, in 10 ms at a time; a window of voice must vary by more."""
MEMORY_FRAMES = 300
"""A sound stands out from the quietest of so many frames."""
HELD_FRAMES = 100
"""Frames after the last one that stood out in which a room is not still yet: longer than the pause
that ends an utterance."""
LAG_SAMPLES = 4
"""Differences of samples so far apart leave out rumble and hum, and what is above a voice."""


def voice_band_db(frames: Sound, before: Sound) -> FloatArray:
    """Returns the level of each frame, int16[frames, samples], in the band of voices.

    `before` are the LAG_SAMPLES samples before the first frame.
    """
    signal = np.concatenate([before, frames.reshape(-1)]).astype(np.float32)
    differences = (signal[LAG_SAMPLES:] - signal[:-LAG_SAMPLES]).reshape(frames.shape)
    power = np.einsum("ij,ij->i", differences, differences) / frames.shape[1]
    return np.asarray(10 * np.log10(power + 1), np.float32)


class Stillness:
    """Follows the level of a room, frame by frame; at first it is not known to be still."""

    def __init__(self) -> None:
        self._levels_db: deque[float] = deque(maxlen=MEMORY_FRAMES)
        self._frames = 0

    def is_still(self, level_db: float) -> bool:
        """Adds the next frame; returns whether none has stood out for some time."""
        self._levels_db.append(level_db)
        stands_out = level_db - min(self._levels_db) >= STANDS_OUT_DB
        self._frames = 0 if stands_out else self._frames + 1
        return self._frames >= HELD_FRAMES
