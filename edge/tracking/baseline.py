"""Removes what one person's face or voice expresses whatever the person feels."""

import numpy as np

from edge.config import RestingFace
from edge.emotions import EMOTIONS, FloatArray, softmax
from edge.fusion.pooling import centred_logs

# Nobody looks happy for long without being so.
REDUCIBLE = np.array([emotion != "happy" for emotion in EMOTIONS], np.float32)
# A belief is flat because a stranger may be misread, not because people show several emotions.
SHARPNESS = 2.0


class Baseline:
    """Bias of one person's evidence in one modality, over the seven emotions.

    The bias is the mean by which the evidence differs from that of other people who show what this
    person is believed to show (`expressions`, float32[7, 7]: their mean evidence, a row an
    emotion). A face that looks angry at rest is one case of it. Of a person observed for `learn_s`
    half of the bias is removed, and more as time goes on, but at most `max_discount`; older
    evidence fades with `memory_s`.
    """

    def __init__(self, config: RestingFace, expressions: FloatArray) -> None:
        self._config, self._expressions = config, expressions
        self._bias = np.zeros(len(expressions), np.float32)
        self._learned_s = 0.0

    def correct(self, probabilities: FloatArray) -> FloatArray:
        """Returns the distribution, float32[7], without the bias learned so far."""
        if not self._learned_s:
            return probabilities
        known = np.float32(self._learned_s / (self._learned_s + self._config.learn_s))
        limit = np.float32(self._config.max_discount)
        return softmax(centred_logs(probabilities) - np.clip(known * self._bias, -limit, limit))

    def learn(self, probabilities: FloatArray, belief: FloatArray, duration_s: float) -> None:
        """Adds an observation, uncorrected, that stands for so many seconds.

        `belief`, float32[7], is what the person was believed to show.
        """
        if duration_s <= 0:
            return
        shown = belief**SHARPNESS
        shown /= shown.sum()
        excess = centred_logs(probabilities) - shown @ self._expressions
        # A strong expression of what is believed to be shown is no bias.
        excess = np.where(excess > 0, excess * (1 - shown) * REDUCIBLE, excess)
        self._learned_s = min(self._learned_s + duration_s, self._config.memory_s)
        share = min(duration_s / self._learned_s, 1.0)
        self._bias = np.asarray(self._bias + np.float32(share) * (excess - self._bias), np.float32)
