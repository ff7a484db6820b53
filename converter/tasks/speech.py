"""Training the speech model on RAVDESS."""

from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from converter.datasets import ravdess
from converter.networks import speech as network
from converter.samples import Samples, Splits
from converter.tasks.base import Schedule, Task
from edge.emotions import FloatArray
from edge.observation import SAMPLE_RATE_HZ, Sound
from edge.perception.features import mfcc, sound_features, take_off_level
from edge.perception.pack import InputSpec, SoundInput
from edge.perception.speech import HOP_S

FRAMES, COEFFICIENTS = 186, 40
FRAME_S, FRAME_HOP_S = 0.032, 0.016
# Of a training window: what a device hears when a person has just begun to speak.
SHORTEST_S = 1.2


class SpeechTask(Task):
    """Three seconds of voice as MFCCs, eight acted emotions."""

    modality = "speech"
    label_map = {
        "neutral": "neutral",
        "calm": "neutral",
        "happy": "happy",
        "sad": "sad",
        "angry": "angry",
        "fearful": "fear",
        "disgust": "disgust",
        "surprised": "surprise",
    }
    schedule = Schedule(epochs=240, batch_size=32, learning_rate=3e-3, patience=60)

    def load(self, data: Path) -> Splits:
        return ravdess.load(data)

    def input_spec(self, train: Samples) -> SoundInput:
        plain = SoundInput(
            shape=(FRAMES, COEFFICIENTS),
            sample_rate_hz=SAMPLE_RATE_HZ,
            window_s=FRAME_S,
            hop_s=FRAME_HOP_S,
            fft_length=512,
            mel_bands=COEFFICIENTS,
            low_hz=50.0,
            high_hz=7600.0,
            preemphasis=0.97,
            lifter=0,
            mean=(0.0,) * COEFFICIENTS,
            deviation=(1.0,) * COEFFICIENTS,
        )
        frames = np.concatenate([take_off_level(mfcc(sound, plain)) for sound in train.inputs])
        return msgspec.structs.replace(
            plain,
            mean=tuple(round(float(value), 4) for value in frames.mean(axis=0)),
            deviation=tuple(round(float(value), 4) for value in frames.std(axis=0)),
        )

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, SoundInput)
        return sound_features(mfcc(sample, spec), spec)

    def windows(self, sample: Any, spec: InputSpec) -> list[Sound]:
        """The windows that a device would look at while it hears `sample`."""
        assert isinstance(spec, SoundInput)
        length = round(spec.duration_s * SAMPLE_RATE_HZ)
        hop = round(HOP_S * SAMPLE_RATE_HZ)
        last = max(len(sample) - length, 0)
        return [sample[start : start + length] for start in range(last % hop, last + 1, hop)]

    def augment(self, sample: Any, rng: np.random.Generator) -> Sound:
        """Another voice, room and microphone: speed, tone, noise, and where the window lies."""
        speed = rng.uniform(0.88, 1.14)
        positions = np.arange(0, len(sample) - 1, speed)
        sound = np.interp(positions, np.arange(len(sample)), sample)
        longest = round((FRAME_S + (FRAMES - 1) * FRAME_HOP_S) * SAMPLE_RATE_HZ)
        length = longest
        if rng.random() < 0.3:
            length = round(rng.uniform(SHORTEST_S * SAMPLE_RATE_HZ, longest))
        start = rng.integers(0, max(len(sound) - length, 0) + 1)
        sound = sound[start : start + length]
        if rng.random() < 0.5:  # a brighter or duller microphone
            sound = np.append(sound[:1], sound[1:] - rng.uniform(-0.5, 0.5) * sound[:-1])
        level = np.sqrt(np.mean(sound**2)) + 1
        if rng.random() < 0.6:
            noise = rng.normal(0, 1, len(sound))
            if rng.random() < 0.5:  # hum and rumble rather than hiss
                noise = np.append(noise[:1], noise[1:] + 0.9 * noise[:-1])
            sound = sound + noise * level * 10 ** (-rng.uniform(8, 40) / 20)
        gain = rng.uniform(0.05, 1.0) * 16000 / (np.abs(sound).max() + 1)
        return np.asarray(np.rint(sound * gain), np.int16)

    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        assert isinstance(spec, SoundInput)
        return network.build(spec.shape, len(self.labels))
