"""Smooths one subject's beliefs over time."""

import math

from edge.emotions import FloatArray
from edge.tracking.evidence import distribution, logs_of


class Smoothing:
    """Exponential smoothing of log probabilities with a time constant in seconds; 0 disables it.

    As quick as a hidden Markov model at the same number of false events (benchmarks/tracking.py),
    and confidence stays calibrated, while the other counts the same evidence again in every frame.
    """

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._settled: tuple[list[float], float] | None = None
        """Log probabilities and time of the moment before `_current`."""
        self._current: tuple[list[float], float] | None = None

    def take(self, probabilities: FloatArray, captured_s: float) -> FloatArray:
        """Returns the smoothed distribution, float32[7]; time must not run backwards.

        Beliefs with the same time are each smoothed with the moment before, not with one another.
        """
        logs = logs_of(probabilities)
        if self._current is not None and captured_s > self._current[1]:
            self._settled = self._current
        if self._settled is not None and self._time_constant_s > 0:
            before, settled_s = self._settled
            keep = math.exp((settled_s - captured_s) / self._time_constant_s)
            logs = [keep * old + (1 - keep) * new for old, new in zip(before, logs, strict=True)]
        self._current = logs, captured_s
        return distribution(logs)
