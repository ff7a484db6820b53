"""What the models see: the one place where pictures, sound and text become numbers.

Training calls these very functions, so a model never meets on the device what it did not meet
in training.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.perception.manifest import ImageInput, SoundInput, TextInput
from edge.perception.ngrams import ngram_hashes, tokens
from edge.perception.sparse import Indices, Sparse

Pixels = npt.NDArray[np.uint8]

# Deviations from the mean beyond which a coefficient is cut, so that one extreme value in a
# window does not cost the others their int8 resolution.
CLIP_DEVIATIONS = 4.0
# Share of the frames of a window that lie below its level: loud frames, not clicks, set it.
LEVEL_QUANTILE = 0.9
# Below that level, in nepers of power: 7 are 30 dB.
FLOOR_NEPERS = 7.0
# Of a mel band, in squared steps of int16: what is fainter is as good as silent.
MIN_ENERGY = 1.0
# A text without n-grams has no length to divide by.
MIN_NORM = 1e-9


def image_features(picture: Pixels, spec: ImageInput) -> FloatArray:
    """A picture, uint8 HxW grey or HxWx3 BGR of any size, as float32 shaped `spec.shape`."""
    height, width, channels = spec.shape
    if picture.ndim == 3 and channels == 1:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
    elif channels == 3:
        code = cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB
        picture = cv2.cvtColor(picture, code)  # type: ignore[assignment]
    if picture.shape[:2] != (height, width):
        shrinks = picture.shape[0] >= height and picture.shape[1] >= width
        filtering = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (width, height), interpolation=filtering)  # type: ignore[assignment]
    values = picture.astype(np.float32).reshape(spec.shape)
    if spec.normalization == "standardized":
        # One grey level is the least deviation: a blank picture must not become loud noise.
        return np.asarray((values - values.mean()) / max(float(values.std()), 1.0), np.float32)
    if spec.normalization == "unit":
        return np.asarray(values / np.float32(255))
    return np.asarray(values / np.float32(127.5) - np.float32(1))


@lru_cache(maxsize=8)
def _mel_filters(spec: SoundInput) -> FloatArray:
    """Triangular mel filters, float32[fft_length // 2 + 1, bands]."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (spec.low_hz, spec.high_hz))
    mel = np.linspace(lowest, highest, spec.mel_bands + 2)
    hz = 700 * (10 ** (mel / 2595) - 1)
    edges = np.floor((spec.fft_length + 1) * hz / spec.sample_rate_hz)
    bins = np.arange(spec.fft_length // 2 + 1)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((bins >= left) & (bins < centre), (bins - left) / (centre - left), 0)
        falling = np.where((bins >= centre) & (bins < right), (right - bins) / (right - centre), 0)
    return (rising + falling).astype(np.float32)


@lru_cache(maxsize=8)
def _cosines(bands: int, coefficients: int, lifter: int) -> FloatArray:
    """The orthonormal DCT-II with its lifter, float32[bands, coefficients]."""
    order = np.arange(coefficients)
    basis = np.cos(np.pi * order * (2 * np.arange(bands)[:, None] + 1) / (2 * bands))
    basis *= np.where(order == 0, np.sqrt(1 / bands), np.sqrt(2 / bands))
    if lifter:
        basis *= 1 + lifter / 2 * np.sin(np.pi * order / lifter)
    return basis.astype(np.float32)


def log_mel(samples: npt.NDArray[Any], spec: SoundInput, before: float = 0.0) -> FloatArray:
    """Logarithms of mel-band energies, float32[frames, bands], of mono int16 samples.

    On whole frames only: an incomplete last one is left for the sound that follows. `before` is
    the sample before the first one.
    """
    signal = samples.astype(np.float32)
    length, hop = spec.window_samples, spec.hop_samples
    if len(signal) < length:
        return np.zeros((0, spec.mel_bands), np.float32)
    earlier = np.append(np.float32(before), signal[:-1])
    emphasized = signal - np.float32(spec.preemphasis) * earlier
    frames = np.lib.stride_tricks.sliding_window_view(emphasized, length)[::hop]
    window = np.hamming(length).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, spec.fft_length)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / np.float32(spec.fft_length)
    energies = power @ _mel_filters(spec)
    return np.asarray(np.log(np.maximum(energies, MIN_ENERGY)), np.float32)


def cepstrum(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """The MFCCs, float32[frames, coefficients], of `log_mel` output.

    Equal, to float32 rounding, to `python_speech_features.mfcc` with a Hamming window and
    without appended energy (Davis and Mermelstein 1980).
    """
    return energies @ _cosines(spec.mel_bands, spec.shape[1], spec.lifter)


class LogMelStream:
    """`log_mel` of sound that arrives in pieces: every frame is computed once, when it is whole."""

    def __init__(self, spec: SoundInput) -> None:
        self._spec = spec
        self._before = 0.0
        self._pending = np.zeros(0, np.int16)

    def push(self, samples: npt.NDArray[np.int16]) -> FloatArray:
        """The frames that `samples` complete, float32[frames, bands]."""
        pending = np.concatenate([self._pending, samples])
        frames = log_mel(pending, self._spec, self._before)
        if done := len(frames) * self._spec.hop_samples:
            self._before = float(pending[done - 1])
        self._pending = pending[done:]
        return frames


def remove_level(energies: FloatArray) -> FloatArray:
    """`log_mel` output with the loudness of its loud frames moved to zero, and a floor below.

    So a quiet microphone gives what a loud one does, and digital silence what a quiet room does.
    """
    if not len(energies):
        return energies
    level = np.quantile(energies.mean(axis=1), LEVEL_QUANTILE)
    return np.asarray(np.maximum(energies - level, -FLOOR_NEPERS), np.float32)


def frame_coefficients(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """What the manifest asks for of `log_mel` output: float32[frames, coefficients], level off."""
    level_off = remove_level(energies)
    return cepstrum(level_off, spec) if spec.coefficients == "mfcc" else level_off


def sound_features(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """The newest `spec.shape[0]` frames of `log_mel` output, as the speech model takes them.

    The level of the window is taken off; each coefficient is then standardized with the
    manifest's statistics. What is missing at the front is filled with their mean, zero.
    """
    frames = frame_coefficients(energies[-spec.shape[0] :], spec)
    mean, deviation = np.asarray(spec.mean, np.float32), np.asarray(spec.deviation, np.float32)
    scaled = np.clip((frames - mean) / deviation, -CLIP_DEVIATIONS, CLIP_DEVIATIONS)
    features = np.zeros(spec.shape, np.float32)
    features[spec.shape[0] - len(frames) :] = scaled
    return features


def text_features(text: str, spec: TextInput) -> FloatArray:
    """The `sparse_text_features` of a text, float32[buckets]."""
    return sparse_text_features(text, spec).dense(spec.shape[0])


def sparse_text_features(text: str, spec: TextInput) -> Sparse:
    """The `word_features` of what is read of a text."""
    return word_features(first_tokens(text, spec), spec)


def first_tokens(text: str, spec: TextInput) -> list[str]:
    """The `tokens` of the first `spec.max_characters` of a text: what is read of it."""
    return tokens(text[: spec.max_characters])


def word_features(words: Sequence[str], spec: TextInput) -> Sparse:
    """The `tokens` of a text as buckets, of unit length together; none where there are no tokens.

    Each n-gram falls into one of `spec.shape[0]` buckets by its hash; a bucket holds the logarithm
    of one more than how often it was hit.
    """
    hits = (ngram_hashes(words, spec) % spec.shape[0]).astype(np.intp)
    buckets, counts = _unique_counts(hits)
    values = np.log1p(counts.astype(np.float32))
    return Sparse(buckets, values / max(np.linalg.norm(values), MIN_NORM))


def _unique_counts(hits: Indices) -> tuple[Indices, Indices]:
    """What np.unique gives with counts, without what it costs on as few as a text has."""
    hits = np.sort(hits)
    bounds = np.ones(len(hits) + 1, bool)
    np.not_equal(hits[1:], hits[:-1], out=bounds[1:-1])
    (starts,) = bounds.nonzero()
    return hits[starts[:-1]], starts[1:] - starts[:-1]
