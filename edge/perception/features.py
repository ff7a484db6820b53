"""Extracts the features of pictures and sound: the only place that does.

Training calls these same functions, so a model gets the same input on the device as in training.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge import values
from edge.emotions import FloatArray
from edge.perception.manifest import ImageInput, SoundInput

Pixels = values.Pixels

# Coefficients are clipped at this many deviations from the mean, so that one extreme value in a
# window does not cost the others their int8 resolution.
CLIP_DEVIATIONS = 4.0
# Share of a window's frames that lie below its level: loud frames set the level, not clicks.
LEVEL_QUANTILE = 0.9
# Lowest value below that level, in nepers of power: 7 Np are 30 dB.
FLOOR_NEPERS = 7.0
# Energy of a mel band, in squared int16 steps, below which it counts as silent.
MIN_ENERGY = 1.0


def image_features(picture: Pixels, spec: ImageInput) -> FloatArray:
    """Scales a picture, uint8 HxW grey or HxWx3 BGR of any size, to float32 of `spec.shape`."""
    height, width, channels = spec.shape
    if picture.ndim == 3 and channels == 1:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)  # type: ignore[assignment]
    elif channels == 3 and picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)  # type: ignore[assignment]
    elif spec.colour == "rgb":
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
    picture = resized(picture, height, width)
    values = picture.astype(np.float32).reshape(spec.shape)
    if spec.normalization == "standardized":
        # Deviations below one grey level count as one: a blank picture must not become loud noise.
        mean, deviation = cv2.meanStdDev(values.reshape(-1))
        return np.asarray((values - mean.item()) / max(deviation.item(), 1.0), np.float32)
    if spec.normalization == "affine":
        offset = values - np.array(spec.mean, np.float32)
        return np.asarray(offset / np.array(spec.deviation, np.float32), np.float32)
    if spec.normalization == "unit":
        return np.asarray(values / np.float32(255))
    return np.asarray(values / np.float32(127.5) - np.float32(1))


def resized(picture: Pixels, height: int, width: int) -> Pixels:
    """Returns a picture, uint8 HxW or HxWxC, in another size; shrinks by area, without aliasing."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = picture.shape[0] >= height and picture.shape[1] >= width
    filtering = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=filtering), np.uint8)


def mel_edges_hz(spec: SoundInput) -> npt.NDArray[np.float64]:
    """Returns the lower edge of the first mel filter, the peak of each, and the last upper edge."""
    count = spec.mel_bands + 2
    if spec.mel_scale != "slaney":
        lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (spec.low_hz, spec.high_hz))
        mel = np.linspace(lowest, highest, count)
        return np.asarray(700 * (10 ** (mel / 2595) - 1))
    # Slaney's Auditory Toolbox (1998): linear below 1000 Hz, logarithmic above.
    lowest, highest = (
        hz / 200 * 3 if hz < 1000 else 15 + np.log(hz / 1000) * 27 / np.log(6.4)
        for hz in (spec.low_hz, spec.high_hz)
    )
    mel = np.linspace(lowest, highest, count)
    return np.asarray(np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27)))


@lru_cache(maxsize=8)
def _mel_filters(spec: SoundInput) -> FloatArray:
    """Returns triangular mel filters, float32[fft_length // 2 + 1, bands]."""
    hz = mel_edges_hz(spec)
    edges = hz * spec.fft_length / spec.sample_rate_hz
    if spec.mel_scale == "htk_bins":
        edges = np.floor((spec.fft_length + 1) * hz / spec.sample_rate_hz)
    bins = np.arange(spec.fft_length // 2 + 1)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where((bins >= left) & (bins < centre), (bins - left) / (centre - left), 0)
        falling = np.where((bins >= centre) & (bins < right), (right - bins) / (right - centre), 0)
    return (rising + falling).astype(np.float32)


@lru_cache(maxsize=8)
def _cosines(bands: int, coefficients: int, lifter: int) -> FloatArray:
    """Returns the orthonormal DCT-II with its lifter, float32[bands, coefficients]."""
    order = np.arange(coefficients)
    basis = np.cos(np.pi * order * (2 * np.arange(bands)[:, None] + 1) / (2 * bands))
    basis *= np.where(order == 0, np.sqrt(1 / bands), np.sqrt(2 / bands))
    if lifter:
        basis *= 1 + lifter / 2 * np.sin(np.pi * order / lifter)
    return basis.astype(np.float32)


def log_mel(samples: npt.NDArray[Any], spec: SoundInput, before: float = 0.0) -> FloatArray:
    """Returns logarithms of mel-band energies, float32[frames, bands], of mono int16 samples.

    Whole frames only: an incomplete last frame is left for the sound that follows. `before` is the
    sample before the first one.
    """
    signal = samples.astype(np.float32)
    length, hop = spec.window_samples, spec.hop_samples
    if len(signal) < length:
        return np.zeros((0, spec.mel_bands), np.float32)
    earlier = np.append(np.float32(before), signal[:-1])
    emphasized = signal - np.float32(spec.preemphasis) * earlier
    frames = np.lib.stride_tricks.sliding_window_view(emphasized, length)[::hop]
    taper = np.hamming(length) if spec.taper == "hamming" else np.hanning(length + 1)[:-1]
    window = taper.astype(np.float32)
    spectrum = np.fft.rfft(frames * window, spec.fft_length)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / np.float32(spec.fft_length)
    energies = power @ _mel_filters(spec)
    return np.asarray(np.log(np.maximum(energies, MIN_ENERGY)), np.float32)


def cepstrum(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """Returns the MFCCs, float32[frames, coefficients], of `log_mel` output.

    Equal, to float32 rounding, to `python_speech_features.mfcc` with a Hamming window and
    without appended energy (Davis and Mermelstein 1980).
    """
    return energies @ _cosines(spec.mel_bands, spec.shape[1], spec.lifter)


class LogMelStream:
    """Computes `log_mel` of sound that arrives in pieces; each frame once, when it is complete."""

    def __init__(self, spec: SoundInput) -> None:
        self._spec = spec
        self._before = 0.0
        self._pending = np.zeros(0, np.int16)

    def push(self, samples: npt.NDArray[np.int16]) -> FloatArray:
        """Adds samples; returns the frames that they complete, float32[frames, bands]."""
        pending = np.concatenate([self._pending, samples])
        frames = log_mel(pending, self._spec, self._before)
        if done := len(frames) * self._spec.hop_samples:
            self._before = float(pending[done - 1])
        self._pending = pending[done:]
        return frames


def remove_level(energies: FloatArray) -> FloatArray:
    """Shifts `log_mel` output so that its loud frames are at zero, and applies a floor.

    A quiet microphone then gives the same as a loud one, and digital silence the same as a quiet
    room.
    """
    if not len(energies):
        return energies
    level = np.quantile(energies.mean(axis=1), LEVEL_QUANTILE)
    return np.asarray(np.maximum(energies - level, -FLOOR_NEPERS), np.float32)


def frame_coefficients(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """Returns the manifest's coefficients of `log_mel` output, float32[frames, n]."""
    kept = energies if spec.level == "kept" else remove_level(energies)
    return cepstrum(kept, spec) if spec.coefficients == "mfcc" else kept


def sound_features(energies: FloatArray, spec: SoundInput) -> FloatArray:
    """Converts the newest `spec.shape[0]` frames of `log_mel` output to the speech model's input.

    Removes the level of the window unless the manifest keeps it, then standardizes each coefficient
    with the manifest's statistics, or with its own mean. Missing frames at the front are filled
    with the mean, zero.
    """
    frames = frame_coefficients(energies[-spec.shape[0] :], spec)
    mean, deviation = np.asarray(spec.mean, np.float32), np.asarray(spec.deviation, np.float32)
    if spec.removes_colour and len(frames):
        mean = frames.mean(axis=0)
    scaled = (frames - mean) / deviation
    if spec.level == "removed":
        scaled = np.clip(scaled, -CLIP_DEVIATIONS, CLIP_DEVIATIONS)
    features = np.zeros(spec.shape, np.float32)
    features[spec.shape[0] - len(frames) :] = scaled
    return features
