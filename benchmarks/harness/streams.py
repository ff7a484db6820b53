"""Synthetic streams: the models' outputs for people who behave in known ways.

On the six clips in samples/, at ten pictures a second, the logarithms of a face's probabilities
deviate by 0.9 nepers (median over emotions and clips) from their mean, with a correlation of
about 0.6 from one picture to the next: hence FACE_NOISE and MEMORY_S. The smile of those clips has
a mean probability of 0.9, hence HAPPY. Occasionally one picture shows something completely
different, as in a blink.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from edge.emotions import EMOTIONS, FloatArray, softmax
from edge.values import Observation, Sighting

FACE_NOISE = 0.9
MEMORY_S = 0.2
BLINK_PROBABILITY = 0.01
PERIOD_S = 0.2
"""Five observations a second."""

NEUTRAL = {"neutral": 3.2}
HAPPY = {"happy": 4.0}
ANGRY = {"angry": 4.0, "neutral": 0.8}
SAD = {"sad": 4.0, "neutral": 0.8}
LOOKS_ANGRY = {"angry": 2.4, "neutral": 2.2}
"""Logits of a resting face."""


@dataclass
class Face:
    """Pictures of one face, whose noise continues from one call to the next."""

    subject: int
    rng: np.random.Generator
    _noise: FloatArray = field(default_factory=lambda: np.zeros(len(EMOTIONS), np.float32))

    def look(self, shown: Mapping[str, float], captured_s: float) -> Observation:
        """Returns a picture's observation of a face that shows these logits."""
        keep = np.exp(-PERIOD_S / MEMORY_S)
        fresh = self.rng.normal(0, FACE_NOISE, len(EMOTIONS))
        self._noise = np.asarray(keep * self._noise + np.sqrt(1 - keep**2) * fresh, np.float32)
        if self.rng.random() < BLINK_PROBABILITY:
            shown = {str(self.rng.choice(EMOTIONS)): 4.0}
        logits = np.array([shown.get(emotion, 0.0) for emotion in EMOTIONS])
        probabilities = softmax((logits + self._noise).astype(np.float32))
        quality = float(self.rng.uniform(0.6, 1))
        return Observation("face", self.subject, captured_s, probabilities, quality)


def times(start_s: float, end_s: float) -> Iterator[float]:
    """Yields the moments from `start_s` to before `end_s`, PERIOD_S apart."""
    for index in range(round((end_s - start_s) / PERIOD_S)):
        yield start_s + index * PERIOD_S


def sighting(captured_s: float, *seen: Observation, hidden: tuple[int, ...] = ()) -> Sighting:
    """Returns a frame with these faces; the first one seen, else the first hidden, is primary."""
    subjects = [*(one.subject for one in seen), *hidden]
    primary = subjects[0] if subjects else None
    return Sighting(seen, len(seen), captured_s, primary, frozenset(subjects))


def voice(
    shown: Mapping[str, float], captured_s: float, rng: np.random.Generator, quality: float = 0.8
) -> Observation:
    """Returns the observation of a stretch of speech that expresses these logits.

    Background noise is heard as any emotion, with a low quality.
    """
    logits = np.array([shown.get(emotion, 0.0) for emotion in EMOTIONS])
    probabilities = softmax((logits + rng.normal(0, 1.0, len(EMOTIONS))).astype(np.float32))
    return Observation("speech", 0, captured_s, probabilities, quality)
