"""Removes what one person's face or voice expresses whatever the person feels."""

from operator import mul

from edge.config import RestingFace
from edge.emotions import EMOTIONS, FloatArray
from edge.tracking.evidence import distribution, evidence_of

# Nobody looks happy for long without being so.
REDUCIBLE = tuple(float(emotion != "happy") for emotion in EMOTIONS)
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
        self._config = config
        self._expected = expressions.T.tolist()
        """By emotion: the mean evidence for it of people who show each emotion."""
        self._bias = [0.0] * len(EMOTIONS)
        self._learned_s = 0.0

    def correct(self, probabilities: FloatArray) -> FloatArray:
        """Returns the distribution, float32[7], without the bias learned so far."""
        if not self._learned_s:
            return probabilities
        known = self._learned_s / (self._learned_s + self._config.learn_s)
        limit = self._config.max_discount
        return distribution(
            [
                one - min(max(known * bias, -limit), limit)
                for one, bias in zip(evidence_of(probabilities), self._bias, strict=True)
            ]
        )

    def learn(self, probabilities: FloatArray, belief: FloatArray, duration_s: float) -> None:
        """Adds an observation, uncorrected, that stands for so many seconds.

        `belief`, float32[7], is what the person was believed to show.
        """
        if duration_s <= 0:
            return
        shown = [one**SHARPNESS for one in belief.tolist()]
        total = sum(shown)
        shown = [one / total for one in shown]
        self._learned_s = min(self._learned_s + duration_s, self._config.memory_s)
        share = min(duration_s / self._learned_s, 1.0)
        for index, evidence in enumerate(evidence_of(probabilities)):
            excess = evidence - sum(map(mul, shown, self._expected[index]))
            # A strong expression of what is believed to be shown is no bias.
            if excess > 0:
                excess *= (1 - shown[index]) * REDUCIBLE[index]
            self._bias[index] += share * (excess - self._bias[index])
