"""Sums up what was believed of one subject over a while."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.emotions import EMOTIONS, Emotion, FloatArray

LEAST_S = 1e-3
"""Duration of what was published for no measurable time, so that it counts at all."""


@dataclass(frozen=True)
class Answer:
    """The emotion that held longest."""

    emotion: Emotion | Literal["unknown"]
    """`unknown` if none held with `tracking.min_confidence` or more on average."""
    confidence: float
    """Mean probability of `emotion` while it held; of the most probable one if unknown."""
    probabilities: FloatArray
    """float32[7], the mean belief while it held; over all of the time if unknown."""


@dataclass
class _Sum:
    duration_s: float
    probabilities: FloatArray


class Held:
    """Adds up how long each emotion was published, and the belief meanwhile.

    One rule for the answer about a clip, wherever it was played: in a process or through a daemon.
    """

    def __init__(self, min_confidence: float) -> None:
        self._min_confidence = min_confidence
        self._sums: dict[str, _Sum] = {}
        self._last: tuple[str, FloatArray, float] | None = None

    def add(self, emotion: str, probabilities: FloatArray, from_s: float) -> None:
        """Adds what is published from a time on, until the next is added."""
        self.end(from_s)
        self._last = emotion, probabilities, from_s

    def end(self, at_s: float) -> None:
        """Ends what was published last."""
        if self._last is None:
            return
        emotion, probabilities, from_s = self._last
        self._last = None
        duration_s = max(at_s - from_s, LEAST_S)
        total = self._sums.setdefault(emotion, _Sum(0.0, np.zeros(len(EMOTIONS), np.float32)))
        total.duration_s += duration_s
        total.probabilities = total.probabilities + np.float32(duration_s) * probabilities

    def answer(self) -> Answer | None:
        """Returns the emotion that held longest up to the end; None if nothing was added.

        Hysteresis keeps a state of which little is left: on average it must have been certain
        enough to start.
        """
        if not self._sums:
            return None
        known = [one for one in EMOTIONS if one in self._sums]
        emotion = max(known, key=lambda one: self._sums[one].duration_s, default=None)
        if emotion is not None:
            mean = _mean(self._sums[emotion])
            confidence = float(mean[EMOTIONS.index(emotion)])
            if confidence >= self._min_confidence:
                return Answer(emotion, confidence, mean)
        mean = _mean(*self._sums.values())
        return Answer("unknown", float(mean.max()), mean)


def _mean(*sums: _Sum) -> FloatArray:
    total = np.sum([one.probabilities for one in sums], axis=0)
    return np.asarray(total / sum(one.duration_s for one in sums), np.float32)
