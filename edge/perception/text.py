"""A text in, an Observation out."""

from edge.emotions import EMOTIONS
from edge.observation import Observation, TextMessage
from edge.perception.classifier import Classifier
from edge.perception.features import text_features
from edge.perception.pack import TextInput

NEUTRAL = EMOTIONS.index("neutral")
# A single word says less than a sentence; from this many on a text counts fully.
FULL_QUALITY_WORDS = 4
# A text without emotion says little about the person: it must not outvote a smile.
LEAST_QUALITY = 0.1


class TextPerception:
    """Classifies short texts."""

    def __init__(self, classifier: Classifier) -> None:
        assert isinstance(classifier.manifest.input, TextInput)
        self.classifier = classifier
        self._spec = classifier.manifest.input

    def read(self, message: TextMessage) -> Observation:
        """What a text that holds at least one visible character expresses."""
        answer = self.classifier.classify(text_features(message.text, self._spec))
        words = len(message.text[: self._spec.max_characters].split())
        emotional = 1.0 - float(answer.probabilities[NEUTRAL])
        quality = min(words / FULL_QUALITY_WORDS, 1.0) * max(emotional, LEAST_QUALITY)
        return Observation(
            "text",
            message.subject,
            message.received_s,
            answer.probabilities,
            quality,
            answer.native,
        )
