"""The kernels alone: what a program must compute to see and hear as the daemon does."""

import numpy as np
from pymicro_vad import MicroVad

from edge.config import Speech
from edge.perception.features import LogMelStream, sound_features
from edge.perception.loader import ModelLoader
from edge.perception.voice import FRAME_SAMPLES
from edge.values import Frame, Sound


class Eyes:
    """Detects, crops and classifies."""

    def __init__(self, loader: ModelLoader) -> None:
        self._detector, self._face = loader.detector, loader.new_face()

    def __call__(self, frame: Frame) -> None:
        """Takes a picture."""
        for face in self._detector.detect(frame.pixels):
            self._face.classifier.classify(self._face.crop(frame.pixels, face))


class Ears:
    """Listens, and classifies each half second that has a voice."""

    def __init__(self, loader: ModelLoader) -> None:
        self._speech, self._vad = loader.new_speech(), MicroVad()
        self._spec = self._speech.spec
        self._stream = LogMelStream(self._spec)
        self._energies = np.zeros((0, self._spec.mel_bands), np.float32)

    def __call__(self, sound: Sound) -> None:
        """Takes half a second."""
        self._energies = np.concatenate([self._energies, self._stream.push(sound)])
        self._energies = self._energies[-self._spec.shape[0] :]
        frames = (one.tobytes() for one in sound.reshape(-1, FRAME_SAMPLES))
        heard = [self._vad.process_10ms(frame) for frame in frames]
        if max(heard) >= Speech().min_voice_probability:
            self._speech.classifier.classify(sound_features(self._energies, self._spec))
