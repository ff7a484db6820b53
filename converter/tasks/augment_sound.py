"""Augmentation of recorded voices: other voices, rooms and microphones, the same emotion.

Processes that compute variations in parallel import this module, so it imports no Keras.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

from edge.emotions import FloatArray
from edge.perception.features import log_mel
from edge.perception.manifest import SoundInput
from edge.values import SAMPLE_RATE_HZ, Sound

Signal = npt.NDArray[np.float32]
"""float32[samples], -1..1."""
Variations = list[npt.NDArray[np.float16]]
"""One clip, as `log_mel` of it and of its variations: float16[frames, bands] each."""

VARIATIONS = 8
"""Number of variations of each clip, beside itself, that a training run draws from."""

CODECS: tuple[dict[str, Any], ...] = (
    {"format": "OGG", "subtype": "OPUS"},
    {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    {"format": "WAV", "subtype": "ULAW"},
)
LOSSIEST = 0.95
"""Compression level; libsndfile refuses some MP3 levels close to 1."""
LOUDEST_NOISE_DB, FAINTEST_NOISE_DB = 3.0, 40.0
"""Signal-to-noise ratios, in decibels."""
TEMPO, VOCAL_TRACT = 0.18, 0.1
"""Largest change of speed and of vocal-tract length, as a natural logarithm."""
WIDEST_BAND, LONGEST_MASK = 4, 12
"""Largest size of a mask, in mel bands and in frames."""


def variations_of(sound: Sound, spec: SoundInput, seed: int) -> Variations:
    """Returns `log_mel` of the clip and of VARIATIONS of it, which depend only on the seed."""
    rng = np.random.default_rng(seed)
    variations = [vary_sound(sound, rng) for _ in range(VARIATIONS)]
    return [log_mel(one, spec).astype(np.float16) for one in (sound, *variations)]


def vary_sound(sound: Sound, rng: np.random.Generator) -> Sound:
    """Varies int16 samples at 16 kHz in voice, room, microphone, noise, codec and gain."""
    signal: Signal = sound.astype(np.float32) / np.float32(32768)
    for share, change in CHANGES:
        if rng.random() < share:
            signal = change(signal, rng)
    peak = float(np.abs(signal).max()) + 1e-6
    gained = signal / peak * 10 ** rng.uniform(-1.7, 0)
    if rng.random() < 0.05:  # a preamplifier turned up too far
        gained = gained * rng.uniform(1.5, 6)
    return np.asarray(np.clip(np.rint(gained * 32767), -32768, 32767), np.int16)


def _speed(signal: Signal, rng: np.random.Generator) -> Signal:
    """Plays faster and higher, or slower and lower."""
    factor = np.exp(rng.uniform(-0.16, 0.16))
    return np.asarray(soxr.resample(signal, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ), np.float32)


def _room(signal: Signal, rng: np.random.Generator) -> Signal:
    """Adds a room's echo: exponentially decaying noise, at a random level."""
    decay_s = rng.uniform(0.1, 0.7)  # until 60 dB below
    times = np.arange(round(decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = rng.normal(0, 1, len(times)) * np.exp(-6.9 * times / decay_s)
    tail *= 10 ** (-rng.uniform(0, 20) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return np.asarray(fftconvolve(signal, tail)[: len(signal)], np.float32)


def _band(signal: Signal, rng: np.random.Generator) -> Signal:
    """Limits the band, as a cheap microphone or a telephone does."""
    low_hz, high_hz = rng.uniform(40, 350), np.exp(rng.uniform(np.log(3000), np.log(7800)))
    sections = butter(2, (low_hz, high_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sosfilt(sections, signal), np.float32)


def _tone(signal: Signal, rng: np.random.Generator) -> Signal:
    """Tilts the spectrum, brighter or duller."""
    slope = np.float32(rng.uniform(-0.5, 0.5))
    return np.append(signal[:1], signal[1:] - slope * signal[:-1])


def _noise(signal: Signal, rng: np.random.Generator) -> Signal:
    """Adds noise, from hiss to rumble: its power falls over frequency with a random slope."""
    spectrum = np.fft.rfft(rng.normal(0, 1, len(signal)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(signal))
    ratio_db = rng.uniform(LOUDEST_NOISE_DB, FAINTEST_NOISE_DB)
    level = np.sqrt(np.mean(signal**2) / np.mean(noise**2)) * 10 ** (-ratio_db / 20)
    return np.asarray(signal + level * noise, np.float32)


def _codec(signal: Signal, rng: np.random.Generator) -> Signal:
    """Encodes and decodes with a codec at a low bit rate."""
    chosen = CODECS[rng.integers(len(CODECS))]
    lossy = {} if chosen["format"] == "WAV" else {"compression_level": rng.uniform(0.5, LOSSIEST)}
    file = io.BytesIO()
    loud = signal / max(float(np.abs(signal).max()), 1e-6) * 0.9
    soundfile.write(file, loud, SAMPLE_RATE_HZ, **chosen, **lossy)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.asarray(decoded, np.float32)


CHANGES: tuple[tuple[float, Callable[[Signal, np.random.Generator], Signal]], ...] = (
    (0.8, _speed),
    (0.3, _room),
    (0.5, _tone),
    (0.3, _band),
    (0.6, _noise),
    (0.25, _codec),
)
"""Changes from the voice to the model, in order, each with its probability."""


def warp(energies: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Warps `log_mel` output to another speed and another length of the vocal tract.

    The second scales the bands (Jaitly and Hinton 2013). float32[frames, bands] in and out, with
    another number of frames.
    """
    frames, bands = energies.shape
    count = max(round(frames * np.exp(rng.uniform(-TEMPO, TEMPO))), 2)
    warped = _between(energies, np.linspace(0, frames - 1, count))
    if rng.random() < 0.5:
        factor = np.exp(rng.uniform(-VOCAL_TRACT, VOCAL_TRACT))
        places = np.minimum(np.arange(bands) * factor, bands - 1)
        warped = np.asarray(_between(warped.T, places).T)
    return warped


def _between(rows: FloatArray, places: npt.NDArray[np.float64]) -> FloatArray:
    """Returns rows at fractional indices, linearly interpolated."""
    lower = np.minimum(places.astype(np.intp), len(rows) - 2)
    share = (places - lower).astype(np.float32)[:, None]
    return np.asarray((1 - share) * rows[lower] + share * rows[lower + 1], np.float32)


def mask(energies: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Returns a copy with up to two bands of frequency and of time masked (Park et al. 2019)."""
    masked: FloatArray = energies.copy()
    frames, bands = energies.shape
    blank = energies.mean()
    for _ in range(rng.integers(0, 3)):
        width = rng.integers(1, WIDEST_BAND + 1)
        start = rng.integers(0, bands - width + 1)
        masked[:, start : start + width] = blank
    for _ in range(rng.integers(0, 3)):
        width = min(rng.integers(3, LONGEST_MASK + 1), frames // 4)
        start = rng.integers(0, frames - width + 1)
        masked[start : start + width] = blank
    return masked
