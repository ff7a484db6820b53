"""Removes the bias of a resting face that looks angry or sad."""

import numpy as np

from edge.config import RestingFace
from edge.emotions import EMOTIONS, MIN_PROBABILITY, NEUTRAL, FloatArray, softmax

# Emotions that a resting face may resemble; nobody looks happy for long without being so.
RESTING_EMOTIONS = np.array(
    [emotion not in ("happy", "neutral") for emotion in EMOTIONS], np.float32
)
# Time counted between two pictures; a face hidden for longer was not observed.
MAX_STEP_S = 1.0


class RestingFaceFilter:
    """Removes one subject's resting-face bias: mean log odds of each emotion against neutral.

    The mean is taken over the first `learn_s` and adapts slowly after that, with `memory_s`. Each
    emotion is reduced by what the mean exceeds the log odds of ordinary resting faces (`ordinary`,
    float32[7], nepers), but at most by `max_discount`, and by up to twice that at the first
    picture, so that a person who is really angry is still seen to be.
    """

    def __init__(self, config: RestingFace, ordinary: FloatArray) -> None:
        self._config, self._ordinary = config, ordinary
        self._mean: FloatArray | None = None
        self._updated_s = 0.0
        self._learned_s = 0.0
        self._pictures = 0

    def correct(self, probabilities: FloatArray, captured_s: float) -> FloatArray:
        """Returns the distribution, float32[7], without the bias learned so far."""
        logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        mean = self._learn(logs - logs[NEUTRAL], captured_s)
        self._pictures += 1
        # The mean of few pictures is uncertain.
        limit = self._config.max_discount * (1 + self._pictures**-0.5)
        excess = np.minimum(np.maximum(mean - self._ordinary, 0), np.float32(limit))
        return softmax(logs - RESTING_EMOTIONS * excess)

    def _learn(self, odds: FloatArray, captured_s: float) -> FloatArray:
        """Adds a picture to the mean and returns it."""
        if self._mean is None or (captured_s <= self._updated_s and not self._learned_s):
            self._mean, self._updated_s = odds, captured_s
        step_s = min(max(captured_s - self._updated_s, 0.0), MAX_STEP_S)
        self._updated_s = max(captured_s, self._updated_s)
        self._learned_s += step_s
        is_learning = self._learned_s < self._config.learn_s
        over_s = self._learned_s if is_learning else self._config.memory_s
        share = step_s / max(over_s, step_s) if step_s else 0.0
        self._mean = np.asarray(self._mean + np.float32(share) * (odds - self._mean), np.float32)
        return self._mean
