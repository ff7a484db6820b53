"""Text in, Observation out."""

from itertools import islice

import numpy as np

from edge.emotions import EMOTIONS, NEUTRAL
from edge.perception.classifier import Classification, Classifier
from edge.perception.manifest import TextInput
from edge.perception.ngrams import EMPHASIS
from edge.perception.text_features import first_tokens, windows_of
from edge.values import Observation, TextMessage

# A single word is less reliable than a sentence; from this many words on a text counts fully.
FULL_QUALITY_WORDS = 4
PUNCTUATION = "!?.,"
# A text without emotion is weak evidence: it must not outvote a smile.
MIN_QUALITY = 0.1


class TextPerception:
    """Classifies short texts."""

    def __init__(self, classifier: Classifier) -> None:
        assert isinstance(classifier.manifest.input, TextInput)
        self.classifier = classifier
        self._spec = classifier.manifest.input

    def perceive(self, message: TextMessage) -> Observation:
        """Classifies a text; one without words is uncertainly neutral, with quality 0."""
        words = first_tokens(message.text, self._spec)
        answer = self._classify(message.text, words) if words else self._neutral
        emotional = 1.0 - float(answer.probabilities[NEUTRAL])
        content = (word for word in words if word != EMPHASIS and word.strip(PUNCTUATION))
        enough = len(list(islice(content, FULL_QUALITY_WORDS))) / FULL_QUALITY_WORDS
        quality = enough * max(emotional, MIN_QUALITY)
        return Observation(
            "text",
            message.subject,
            message.received_s,
            answer.probabilities,
            quality,
            answer.native,
        )

    def _classify(self, text: str, words: list[str]) -> Classification:
        return self.classifier.classify(*windows_of(text, words, self._spec))

    @property
    def _neutral(self) -> Classification:
        """Neutral, twice as likely as any other emotion: too uncertain to act on alone."""
        probabilities = np.full(len(EMOTIONS), 1 / (len(EMOTIONS) + 1), np.float32)
        probabilities[NEUTRAL] *= 2
        return Classification(probabilities, {})
