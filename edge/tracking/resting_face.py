"""Sees past a face that looks angry or sad when nothing happens."""

import numpy as np

from edge.config import RestingFace
from edge.emotions import EMOTIONS, NEUTRAL, SMALLEST_PROBABILITY, FloatArray, softmax

# What nobody looks like for long without meaning it is never taken for a face at rest.
RESTS = np.array([emotion not in ("happy", "neutral") for emotion in EMOTIONS], np.float32)
# A face that was hidden for longer did not look like anything in that time.
LONGEST_STEP_S = 1.0


class Resting:
    """The resting face of one subject, as mean log odds of each emotion against neutral.

    They are averaged over the first `learn_s` and change slowly from then on, by `memory_s`. By
    what they exceed those of ordinary faces at rest (`ordinary`, float32[7], nepers) each emotion
    is discounted, but by no more than `max_discount` once many pictures are known, and up to twice
    as much with the first one: who really is angry still looks so.
    """

    def __init__(self, config: RestingFace, ordinary: FloatArray) -> None:
        self._config, self._ordinary = config, ordinary
        self._mean: FloatArray | None = None
        self._seen_s = 0.0
        self._learned_s = 0.0
        self._pictures = 0

    def see(self, probabilities: FloatArray, captured_s: float) -> FloatArray:
        """What a picture shows beyond the resting face: float32[7] in and out, a distribution."""
        logs = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
        mean = self._learn(logs - logs[NEUTRAL], captured_s)
        self._pictures += 1
        # A mean is the less certain the fewer it is of.
        most = self._config.max_discount * (1 + self._pictures**-0.5)
        excess = np.minimum(np.maximum(mean - self._ordinary, 0), np.float32(most))
        return softmax(logs - RESTS * excess)

    def _learn(self, odds: FloatArray, captured_s: float) -> FloatArray:
        """The mean with one more picture in it."""
        if self._mean is None or (captured_s <= self._seen_s and not self._learned_s):
            self._mean, self._seen_s = odds, captured_s
        step_s = min(max(captured_s - self._seen_s, 0.0), LONGEST_STEP_S)
        self._seen_s = max(captured_s, self._seen_s)
        self._learned_s += step_s
        young = self._learned_s < self._config.learn_s
        over_s = self._learned_s if young else self._config.memory_s
        share = step_s / max(over_s, step_s) if step_s else 0.0
        self._mean = np.asarray(self._mean + np.float32(share) * (odds - self._mean), np.float32)
        return self._mean
