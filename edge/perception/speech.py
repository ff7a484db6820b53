"""Sound in, Observations of the voice out; silence gives none."""

import math
from collections import deque

import numpy as np
from pymicro_vad import MicroVad

from edge.observation import NOBODY_SEEN, SAMPLE_RATE_HZ, AudioBlock, Observation, Sound
from edge.perception.classifier import Classifier
from edge.perception.features import mfcc, sound_features
from edge.perception.pack import SoundInput

HOP_S = 0.5
"""A window is classified this often, while enough of it is voice."""
VAD_FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
FULL_SCALE = 32767


class SpeechPerception:
    """Classifies a sliding window of the newest sound whenever enough of it is voice.

    `min_voice_probability` is what a 10 ms frame needs to count as voice, `min_voice_s` how
    much voice a window needs.
    """

    def __init__(
        self, classifier: Classifier, min_voice_probability: float, min_voice_s: float
    ) -> None:
        assert isinstance(classifier.manifest.input, SoundInput)
        self.classifier = classifier
        self.spec = classifier.manifest.input
        self._min_voice_probability = min_voice_probability
        self._min_voice_frames = round(min_voice_s * 100)
        self._vad = MicroVad()
        window_frames = math.ceil(self.spec.duration_s * SAMPLE_RATE_HZ / VAD_FRAME_SAMPLES)
        self._frames: deque[Sound] = deque(maxlen=window_frames)
        self._voiced: deque[bool] = deque(maxlen=window_frames)
        self._unheard = np.zeros(0, np.int16)
        self._since_window = 0

    def hear(self, block: AudioBlock) -> list[Observation]:
        """Takes in a block of sound; gives an observation for each window that it completes."""
        self._unheard = np.concatenate([self._unheard, block.samples])
        pending_s = len(self._unheard) / SAMPLE_RATE_HZ
        observations = []
        hop = round(HOP_S * SAMPLE_RATE_HZ)
        while len(self._unheard) >= VAD_FRAME_SAMPLES:
            frame, self._unheard = np.split(self._unheard, [VAD_FRAME_SAMPLES])
            pending_s -= VAD_FRAME_SAMPLES / SAMPLE_RATE_HZ
            self._take(frame)
            if self._since_window >= hop and self._voiced.count(True) >= self._min_voice_frames:
                self._since_window = 0
                observations.append(self._observe(block.captured_s - pending_s))
        return observations

    def _take(self, frame: Sound) -> None:
        probability = self._vad.process_10ms(frame.tobytes())
        self._voiced.append(probability >= self._min_voice_probability)
        self._frames.append(frame)
        self._since_window += len(frame)

    def _observe(self, captured_s: float) -> Observation:
        sound = np.concatenate(self._frames)
        answer = self.classifier.classify(sound_features(mfcc(sound, self.spec), self.spec))
        return Observation(
            "speech",
            NOBODY_SEEN,
            captured_s,
            answer.probabilities,
            self._quality(sound),
            answer.native,
        )

    def _quality(self, sound: Sound) -> float:
        """0..1: full when half a window is voice, less for every clipped sample."""
        voiced = self._voiced.count(True) / len(self._frames)
        clipped = float(np.mean(np.abs(sound.astype(np.int32)) >= FULL_SCALE))
        return float(min(2 * voiced, 1.0) * np.clip(1 - 20 * clipped, 0.1, 1.0))
