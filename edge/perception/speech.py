"""Sound in, Observations of the voice out; none for silence."""

import numpy as np

from edge.emotions import FloatArray
from edge.perception.classifier import Classifier
from edge.perception.manifest import SoundInput
from edge.perception.quality import familiarity_factor
from edge.perception.voice import VoiceWindow, VoiceWindows
from edge.values import SAMPLE_RATE_HZ, UNKNOWN_SUBJECT, AudioBlock, Observation, Sound

MAX_POOLED_WINDOWS = 12
"""Windows of one utterance that count equally; in a longer utterance older windows fade."""
BLOCK_SAMPLES = 10 * SAMPLE_RATE_HZ
"""Samples of a recording that are processed at once, so that a long one does not fill memory."""
GAP_S = 0.5
"""Gap between two blocks of sound from which the second starts a new utterance."""


class SpeechPerception:
    """Classifies windows of voice; each observation pools its utterance's windows so far.

    10 ms of sound count as voice from `min_voice_probability` on; a window needs `min_voice_s` of
    voice.
    """

    def __init__(
        self, classifier: Classifier, min_voice_probability: float, min_voice_s: float
    ) -> None:
        assert isinstance(classifier.manifest.input, SoundInput)
        self.classifier = classifier
        self.spec = classifier.manifest.input
        self._windows = VoiceWindows(self.spec, min_voice_probability, min_voice_s)
        self._mean = _LogitMean()
        self._sound_end_s: float | None = None

    def perceive(self, block: AudioBlock) -> list[Observation]:
        """Adds a block of sound; returns an observation for each window that it completes."""
        start_s = block.captured_s - len(block.samples) / SAMPLE_RATE_HZ
        if self._sound_end_s is not None and start_s > self._sound_end_s + GAP_S:
            self._windows.reset()
        self._sound_end_s = block.captured_s
        return [
            self._observe(window, block.captured_s - window.followed_by_s)
            for window in self._windows.push(block.samples)
        ]

    def perceive_recording(self, sound: Sound) -> Observation | None:
        """Classifies a whole recording, in which all windows count equally; None without voice."""
        self._windows.reset()
        logits, quality = [], 0.0
        for start in range(0, len(sound), BLOCK_SAMPLES):
            for window in self._windows.push(sound[start : start + BLOCK_SAMPLES]):
                logits.append(self.classifier.logits(window.features))
                quality = max(quality, window.quality)
        if not logits:
            return None
        return self._observation(np.mean(logits, axis=0), quality, 0.0)

    def _observe(self, window: VoiceWindow, captured_s: float) -> Observation:
        logits = self._mean.add(window.utterance, self.classifier.logits(window.features))
        return self._observation(logits, window.quality, captured_s)

    def _observation(self, logits: FloatArray, quality: float, captured_s: float) -> Observation:
        answer = self.classifier.interpret(logits)
        quality *= familiarity_factor(answer.familiarity)
        return Observation(
            "speech", UNKNOWN_SUBJECT, captured_s, answer.probabilities, quality, answer.native
        )


class _LogitMean:
    """Running mean of the logits of an utterance's windows."""

    def __init__(self) -> None:
        self._utterance, self._count, self._mean = -1, 0, np.zeros(0, np.float32)

    def add(self, utterance: int, logits: FloatArray) -> FloatArray:
        """Adds a window's logits; returns the new mean."""
        if utterance != self._utterance:
            self._utterance, self._count, self._mean = utterance, 0, np.zeros_like(logits)
        self._count = min(self._count + 1, MAX_POOLED_WINDOWS)
        self._mean = self._mean + (logits - self._mean) / np.float32(self._count)
        return self._mean
