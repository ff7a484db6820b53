"""The training task of the speech model, on recorded voices."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import keras
import msgspec
import numpy as np
import numpy.typing as npt

from converter.datasets import (
    acted_speech,
    iemocap,
    labelled_sounds,
    msp_podcast,
    nemo,
    own_speech,
)
from converter.datasets.own_labels import OwnLabels
from converter.datasets.recordings import LABEL_OF, LABELS, Recordings, check_disjoint
from converter.datasets.samples import Samples
from converter.datasets.speaker_splits import FOLDS, all_to_test, split_by_speaker
from converter.datasets.splits import Splits
from converter.networks import speech as cnn
from converter.networks import speech_gru as cnn_gru
from converter.options import SpeechNetwork
from converter.plots import draw_sounds
from converter.tasks.augment_sound import Variations, mask, variations_of, warp
from converter.tasks.base import Layout, Schedule, Task, chosen, load_known
from edge.config import Speech
from edge.emotions import FloatArray
from edge.perception.features import frame_coefficients, log_mel, sound_features
from edge.perception.manifest import Coefficients, InputSpec, SoundInput
from edge.perception.voice import VoiceWindows
from edge.values import SAMPLE_RATE_HZ, Sound


def layouts(labels: OwnLabels = own_speech.STANDARD) -> tuple[Layout[Recordings], ...]:
    """Returns the layouts of speech sets; `labels` are those of a user's own data."""
    return (
        (nemo.matches, nemo.load),
        (iemocap.matches, iemocap.load),
        (msp_podcast.matches, msp_podcast.load),
        *((corpus.matches, corpus.load) for corpus in acted_speech.CORPORA),
        (labelled_sounds.matches, partial(labelled_sounds.load, labels=labels)),
        (partial(own_speech.matches, labels=labels), partial(own_speech.load, labels=labels)),
    )


LAYOUTS = layouts()
KNOWN = ", ".join(
    (
        *(f"{corpus.dataset} ({corpus.hint})" for corpus in acted_speech.CORPORA),
        "nEMO (data.tsv, samples/)",
        "IEMOCAP (Session1/)",
        "MSP-Podcast (Labels/labels_consensus.csv)",
        "recordings listed in labels.csv (file, emotion, speaker)",
        "own recordings (one folder per emotion, in train/, val/ and test/ or in one folder per "
        "speaker or not)",
    )
)
NETWORKS: dict[SpeechNetwork, Callable[..., keras.Model]] = {
    "cnn": cnn.build,
    "cnn_gru": cnn_gru.build,
}
FRAMES, BANDS = 186, 40
LIFTERS: dict[Coefficients, int] = {"log_mel": 0, "mfcc": 22}
UNVARIED_SHARE = 0.4
"""Share of training windows that are from the clip itself."""
EXAMPLES = 3
"""Number of clips of each label that a report shows."""
SHORT_SHARE = 0.6
"""Share of training windows that are shorter, as most are on a device."""
SHORTEST_FRAMES = 45
"""Shortest training window: a device's window when a person starts to speak."""


@dataclass
class SpeechTask(Task):
    """Three seconds of voice, eight acted emotions."""

    fold: int | None = None
    """The part of the speakers to test on; None to train on all except the held-back ones."""
    folds: int = FOLDS
    coefficients: Coefficients = "log_mel"
    """The features of each frame."""
    network: SpeechNetwork = "cnn"
    map: Sequence[str] = ()
    only: Sequence[str] = ()
    """Names of the data sets to use, by default all."""

    modality = "speech"
    names = LABEL_OF
    label_map = dict(
        zip(
            LABELS,
            ("neutral", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"),
            strict=True,
        )
    )
    balances_labels = True
    fits_prior_across_sets = False
    absent_prior = 0.03
    rates_familiarity = True
    schedule = Schedule(
        epochs=90,
        batch_size=64,
        learning_rate=3e-3,
        patience=90,
        largest_gradient=1.0,
        keep_last=True,
        label_smoothing=0.05,
    )
    fine_tuning = msgspec.structs.replace(
        schedule, epochs=12, batch_size=32, learning_rate=5e-4, least_batches=20
    )

    _variations: dict[bytes, Variations] = field(default_factory=dict, init=False, repr=False)
    """By the hash of seed and clip; the folds of one process share them."""

    def recordings(self, data: Sequence[Path]) -> list[Recordings]:
        """Loads each data set as published; raises DatasetError, also if two share clips."""
        labels = self.own_labels
        refuse = partial(own_speech.refuse_unknown, labels=labels)
        sets = [load_known(path, layouts(labels), KNOWN, refuse) for path in data]
        names = chosen([one.dataset for one in sets], self.only)
        sets = [one for one in sets if one.dataset in names]
        check_disjoint(sets)
        return sets

    def load(self, data: Sequence[Path]) -> Splits:
        return self.settled(split_by_speaker(self.recordings(data), self.fold, self.folds))

    def load_all(self, data: Sequence[Path]) -> Splits:
        return self.settled(all_to_test(self.recordings(data)))

    def input_spec(self, train: Samples) -> SoundInput:
        plain = SoundInput(
            shape=(FRAMES, BANDS),
            sample_rate_hz=SAMPLE_RATE_HZ,
            window_s=0.032,
            hop_s=0.016,
            fft_length=512,
            mel_bands=BANDS,
            low_hz=50.0,
            high_hz=7600.0,
            preemphasis=0.97,
            coefficients=self.coefficients,
            lifter=LIFTERS[self.coefficients],
            mean=(0.0,) * BANDS,
            deviation=(1.0,) * BANDS,
            removes_colour=True,
        )
        frames = np.concatenate(
            [frame_coefficients(log_mel(one, plain), plain) for one in train.inputs]
        )
        return msgspec.structs.replace(
            plain,
            mean=tuple(round(float(value), 4) for value in frames.mean(axis=0)),
            deviation=tuple(round(float(value), 4) for value in frames.std(axis=0)),
        )

    def prepare(self, train: Samples, spec: InputSpec, seed: int) -> Samples:
        """Computes the variations of each clip; noise, rooms and codecs are slow."""
        assert isinstance(spec, SoundInput)
        keys = [hashlib.sha256(f"{seed}".encode() + one.tobytes()).digest() for one in train.inputs]
        missing = {
            key: one
            for key, one in zip(keys, train.inputs, strict=True)
            if key not in self._variations
        }
        made = joblib.Parallel(n_jobs=-1)(
            joblib.delayed(variations_of)(one, spec, int.from_bytes(key[:8], "big"))
            for key, one in missing.items()
        )
        self._variations |= dict(zip(missing, made, strict=True))
        return replace(train, inputs=[self._variations[key] for key in keys])

    def sample_weights(self, samples: Samples) -> FloatArray:
        """Draws data sets, and the speakers within each, by the square root of their size."""
        sets, people = Counter(samples.groups), Counter(samples.people)
        weights = np.array([people[person] ** -0.5 for person in samples.people])
        groups = np.array(samples.groups)
        for dataset, size in sets.items():
            rows = groups == dataset
            weights[rows] *= size**0.5 / weights[rows].sum()
        return np.asarray(weights / weights.sum())

    def augment(self, sample: Any, rng: np.random.Generator) -> FloatArray:
        """Cuts a part of one variation, warped in speed and vocal tract, and masks it."""
        chosen = 0 if rng.random() < UNVARIED_SHARE else rng.integers(1, len(sample))
        variation: npt.NDArray[np.float16] = sample[chosen]
        energies = warp(variation.astype(np.float32), rng)
        is_short = rng.random() < SHORT_SHARE
        length = int(rng.integers(SHORTEST_FRAMES, FRAMES)) if is_short else FRAMES
        start = rng.integers(0, max(len(energies) - length, 0) + 1)
        return mask(energies[start : start + length], rng)

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, SoundInput)
        return sound_features(sample, spec)

    def device_inputs(self, sample: Any, spec: InputSpec) -> list[FloatArray]:
        """Returns the windows in which a device hears a voice; without any, the clip's end."""
        assert isinstance(spec, SoundInput)
        defaults = Speech()
        device = VoiceWindows(spec, defaults.min_voice_probability, defaults.min_voice_s)
        windows = device.push(sample)
        if not windows:
            return [sound_features(log_mel(sample, spec), spec)]
        return [window.features for window in windows]

    def draw_examples(self, splits: Splits, spec: InputSpec, folder: Path) -> Path | None:
        """Draws held-back clips of each label, as waveform and as features of the last window."""
        examples: dict[str, list[tuple[Sound, FloatArray]]] = {}
        samples = splits.held_back
        for index, label in enumerate(self.labels):
            rows = np.flatnonzero(samples.majority == index)
            chosen = rows[np.linspace(0, len(rows) - 1, EXAMPLES).astype(int)] if len(rows) else ()
            sounds = [samples.inputs[row] for row in chosen]
            examples[label] = [(sound, self.device_inputs(sound, spec)[-1]) for sound in sounds]
        return draw_sounds(examples, folder / f"{self.modality}-examples.png")

    def build(self, spec: InputSpec) -> keras.Model:
        assert isinstance(spec, SoundInput)
        return NETWORKS[self.network](spec.shape, len(self.labels))
