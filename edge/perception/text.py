"""A text in, an Observation out."""

from edge.observation import Observation, TextMessage
from edge.perception.classifier import Classifier
from edge.perception.features import text_features
from edge.perception.pack import TextInput

# A single word says less than a sentence; from this many on a text counts fully.
FULL_QUALITY_WORDS = 4


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
        quality = min(words / FULL_QUALITY_WORDS, 1.0)
        return Observation(
            "text",
            message.subject,
            message.received_s,
            answer.probabilities,
            quality,
            answer.native,
        )
