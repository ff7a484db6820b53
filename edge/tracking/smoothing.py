"""Smooths one subject's beliefs over time."""

import numpy as np

from edge.emotions import MIN_PROBABILITY, FloatArray, softmax


class Smoothing:
    """Exponential smoothing of log probabilities with a time constant in seconds; 0 disables it.

    As quick as a hidden Markov model at the same number of false events (benchmarks/tracking.py),
    and confidence stays calibrated, while the other counts the same evidence again in every frame.
    """

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._settled: tuple[FloatArray, float] | None = None
        """Log probabilities and time of the moment before `_current`."""
        self._current: tuple[FloatArray, float] | None = None

    def take(self, probabilities: FloatArray, captured_s: float) -> FloatArray:
        """Returns the smoothed distribution, float32[7]; time must not run backwards.

        Beliefs with the same time are each smoothed with the moment before, not with one another.
        """
        logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        if self._current is not None and captured_s > self._current[1]:
            self._settled = self._current
        if self._settled is not None and self._time_constant_s > 0:
            before, settled_s = self._settled
            keep = np.float32(np.exp((settled_s - captured_s) / self._time_constant_s))
            logs = keep * before + (1 - keep) * logs
        self._current = logs, captured_s
        return softmax(logs)
