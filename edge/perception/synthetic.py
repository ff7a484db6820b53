"""Draws a face and hums a voice, the same on every machine, to test models with."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.values import SAMPLE_RATE_HZ, Sound

Numbers = npt.NDArray[np.float64]

SIDE_PX = 192
BACKGROUND, SKIN, HAIR, LIPS, WHITE, PUPIL, NOSE = 90, 190, 40, 60, 240, 20, 150
HARMONICS = 16
MAX_HZ = 7500.0
FORMANT_HZ = ((300.0, 900.0), (900.0, 2200.0), (2300.0, 3200.0))
FORMANT_WIDTH_HZ = 150.0
PEAK = 8000


def draw_face(seed: int) -> npt.NDArray[np.uint8]:
    """Draws a childlike face, uint8[192, 192, 3] BGR; the seed chooses its features."""
    random = _random_state(seed)
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX * 2 - 1
    slant, smile = random.uniform(-0.5, 0.5), random.uniform(-0.6, 0.6)
    opening, lid = random.uniform(0.02, 0.3), random.uniform(0.05, 0.13)

    def ellipse(centre_x: float, centre_y: float, half_x: float, half_y: float) -> npt.NDArray[Any]:
        inside = ((x - centre_x) / half_x) ** 2 + ((y - centre_y) / half_y) ** 2 < 1
        return np.asarray(inside)

    grey = np.full(x.shape, BACKGROUND, np.uint8)
    grey[ellipse(0, 0, 0.62, 0.82)] = SKIN
    grey[ellipse(0, -0.75, 0.6, 0.3)] = HAIR
    for eye_x in (-0.27, 0.27):
        grey[ellipse(eye_x, -0.15, 0.13, lid)] = WHITE
        grey[ellipse(eye_x, -0.15, 0.05, min(lid, 0.06))] = PUPIL
        brow_y = slant * (np.abs(x) - 0.27) - 0.38
        grey[(np.abs(x - eye_x) < 0.17) & (np.abs(y - brow_y) < 0.035)] = HAIR
    grey[ellipse(0, 0.12, 0.07, 0.05)] = NOSE
    along = (x / 0.3) ** 2
    mouth_y = 0.45 - 0.3 * smile * (along - 0.5)
    grey[(along < 1) & (np.abs(y - mouth_y) < opening * (1 - along) + 0.02)] = LIPS
    return np.repeat(grey[:, :, None], 3, axis=2)


@lru_cache(maxsize=64)
def hum(seed: int, duration_s: float) -> Sound:
    """Hums a voice of harmonics with formants, in syllables; the seed chooses its features.

    The samples are read-only, and kept: the packs of several folds are checked with the same ones.
    """
    random = _random_state(seed)
    times_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch_hz = random.uniform(90, 320) * (1 + _vibrato(random, times_s))
    pitch_hz *= 1 + random.uniform(-0.2, 0.2) * times_s / duration_s
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    formants_hz = [random.uniform(low, high) for low, high in FORMANT_HZ]
    tilt = random.uniform(0.3, 1.5)
    sound = np.zeros_like(times_s)
    for number in range(1, HARMONICS + 1):
        hz = number * pitch_hz
        peaks = (np.exp(-(((hz - formant) / FORMANT_WIDTH_HZ) ** 2)) for formant in formants_hz)
        loudness = np.sum(list(peaks), axis=0) / number**tilt + 0.02 / number
        sound += np.where(hz < MAX_HZ, loudness, 0) * np.sin(number * phase)
    syllables = np.maximum(np.sin(np.pi * random.uniform(2, 6) * times_s), 0)
    sound *= syllables ** random.uniform(0.3, 2)
    samples = np.asarray(np.rint(sound / np.abs(sound).max() * PEAK), np.int16)
    samples.flags.writeable = False
    return samples


def _vibrato(random: np.random.RandomState, times_s: Numbers) -> Numbers:
    return np.asarray(random.uniform(0, 0.3) * np.sin(2 * np.pi * random.uniform(0.5, 5) * times_s))


def _random_state(seed: int) -> np.random.RandomState:
    """Returns the only generator whose numbers NumPy promises never to change."""
    return np.random.RandomState(seed)
