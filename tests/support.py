"""What several test modules use: a clock that tests own, and observations in short."""

import threading
from collections.abc import Mapping

import numpy as np

from edge.clock import Clock
from edge.emotions import EMOTIONS, FloatArray
from edge.resources import SAMPLES
from edge.values import Observation

HAPPY_CLIP = SAMPLES / "1001_DFA_HAP_XX.mkv"


class FakeClock(Clock):
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.moment_s = 100.0

    def now_s(self) -> float:
        return self.moment_s


class Racing(threading.Event):
    """A stop signal whose waits take no time, or that of a clock which they move."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        if self._clock is not None:
            self._clock.moment_s += timeout or 0.0
        return self.is_set()


def distribution(weights: Mapping[str, float]) -> FloatArray:
    """The given probabilities, and the rest shared among the others."""
    rest = (1 - sum(weights.values())) / (len(EMOTIONS) - len(weights))
    return np.array([weights.get(emotion, rest) for emotion in EMOTIONS], np.float32)


def observation(
    emotion: str,
    probability: float,
    captured_s: float = 0.0,
    modality: str = "face",
    quality: float = 1.0,
) -> Observation:
    return Observation(
        modality, 0, captured_s, distribution({emotion: probability}), quality, {"x": 1.0}
    )
