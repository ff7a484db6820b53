"""Finds windows of sound with enough voice in them, utterance by utterance."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from pymicro_vad import MicroVad

from edge.emotions import FloatArray
from edge.perception.features import LogMelStream, sound_features
from edge.perception.manifest import SoundInput
from edge.perception.stillness import LAG_SAMPLES, Stillness, voice_band_db
from edge.values import SAMPLE_RATE_HZ, Sound

FRAMES_PER_S = 100
"""The voice activity detector classifies 10 ms at a time."""
FRAME_SAMPLES = SAMPLE_RATE_HZ // FRAMES_PER_S
HOP_FRAMES = FRAMES_PER_S // 2
"""Distance from one window to the next."""
CHECK_FRAMES = 10
"""Distance from one look for enough voice to the next."""
PAUSE_FRAMES = 80
"""Length of sound without even a faint voice that ends an utterance."""
CONTEXT_FRAMES = 120
"""Stillness that the detector hears after all once a sound stands out: it needs 760 ms before it
knows anything, and a voice rises from its first breath."""
FULL_SCALE = 32767
SHORT_SHARE = 0.4
"""A short word needs this share of the least probability and of the least length of voice.

From this share of the least probability on, 10 ms are a faint voice.
"""
FULL_RANGE_DB, MIN_RANGE_DB = 20.0, 4.0
"""Range from quiet to loud frames: below the first, quality drops, to MIN_QUALITY at the second."""
MIN_QUALITY = 0.1


@dataclass(frozen=True)
class _Gate:
    """How much of a window must be voice, and how far its loud frames must stand out."""

    share: float
    """Of the least probability and the least length of voice."""
    range_db: float
    """From the level of quiet frames to that of loud ones."""
    quiet: float
    """The quantile of the window's levels that counts as quiet."""


GATES = (_Gate(1.0, 8.0, 0.1), _Gate(SHORT_SHARE, 18.0, 0.25))
"""Either is enough: voices have pauses, music seldom; a short word must follow near silence."""
LOUD = 0.95
"""The quantile of a window's levels that counts as loud."""


@dataclass(frozen=True)
class VoiceWindow:
    """The newest sound, at a time when enough of it is voice."""

    features: FloatArray
    """Input of the model."""
    quality: float
    """0..1: 1 if half of the window is surely voice, well above the noise and not clipped."""
    utterance: int
    """Number of the utterance; rises with every pause."""
    followed_by_s: float
    """Length of the sound already received after the window."""


@dataclass(frozen=True)
class _FrameLevel:
    """Statistics of 10 ms of sound."""

    probability: float
    """Of voice, 0..1; negative while the detector has heard too little."""
    level_db: float
    clipped: int
    """Number of samples at full scale."""


class VoiceWindows:
    """Finds windows in sound that arrives in pieces of any size.

    10 ms count as voice from `min_voice_probability` on; a window needs `min_voice_s` of voice of
    one utterance, or less where it stands out clearly. No window spans two utterances. While a room
    is still, the detector, which costs more than all other steps, does not run.

    pymicro-vad 2.1 loses a pending exception while one of its detectors is freed: do not create
    VoiceWindows in an expression that may raise.
    """

    def __init__(self, spec: SoundInput, min_voice_probability: float, min_voice_s: float) -> None:
        self._spec = spec
        self._min_voice_probability = min_voice_probability
        self._min_voice_frames = round(min_voice_s * FRAMES_PER_S)
        self._vad, self._stillness = MicroVad(), Stillness()
        self._unheard: deque[Sound] = deque(maxlen=CONTEXT_FRAMES)
        self._stream = LogMelStream(spec)
        self._pending = np.zeros(0, np.int16)
        self._before = np.zeros(LAG_SAMPLES, np.int16)
        self._new_frames: list[Sound] = []
        self._energies: deque[FloatArray] = deque(maxlen=spec.shape[0])
        self._frames: deque[_FrameLevel] = deque(maxlen=round(spec.duration_s * FRAMES_PER_S))
        self._since_window = 0
        self._pause = 0
        self._utterance = 0

    def push(self, samples: Sound) -> list[VoiceWindow]:
        """Adds int16 samples at 16 kHz; returns each window that they complete."""
        pending = np.concatenate([self._pending, samples])
        whole = len(pending) // FRAME_SAMPLES * FRAME_SAMPLES
        self._pending = pending[whole:]
        windows: list[VoiceWindow] = []
        if not whole:
            return windows
        frames = pending[:whole].reshape(-1, FRAME_SAMPLES)
        in_band_db = voice_band_db(frames, self._before).tolist()
        self._before = frames[-1, -LAG_SAMPLES:]
        levels_db, clipped = _levels(frames)
        for index, frame in enumerate(frames):
            probability = self._probability(frame, self._stillness.is_still(in_band_db[index]))
            self._add(frame, _FrameLevel(probability, levels_db[index], clipped[index]))
            if self._is_due():
                followed_by_s = (len(pending) - (index + 1) * FRAME_SAMPLES) / SAMPLE_RATE_HZ
                windows.append(self._window(followed_by_s))
        return windows

    def reset(self) -> None:
        """Starts a new utterance, because sound was lost."""
        self._pending = self._pending[:0]
        self._end_utterance()
        self._since_window = self._pause = 0
        self._stream, self._vad = LogMelStream(self._spec), MicroVad()
        self._stillness = Stillness()
        self._unheard.clear()

    def _probability(self, frame: Sound, still: bool) -> float:
        """Returns the probability of voice in the next frame; 0 while the room is still."""
        if still:
            self._unheard.append(frame)
            return 0.0
        self._hear_context()
        return float(self._vad.process_10ms(frame.tobytes()))

    def _add(self, frame: Sound, level: _FrameLevel) -> None:
        self._new_frames.append(frame)
        if len(self._new_frames) >= HOP_FRAMES:
            self._compute_energies()
        self._frames.append(level)
        self._since_window += 1
        faint = level.probability >= SHORT_SHARE * self._min_voice_probability
        self._pause = 0 if faint else self._pause + 1
        if self._pause == PAUSE_FRAMES:
            self._end_utterance()

    def _hear_context(self) -> None:
        """Lets the detector hear the end of a stillness, so that it misses no onset."""
        for back in range(len(self._unheard), 0, -1):
            probability = self._vad.process_10ms(self._unheard.popleft().tobytes())
            if back <= len(self._frames):
                self._frames[-back] = replace(self._frames[-back], probability=probability)

    def _is_due(self) -> bool:
        if self._since_window < HOP_FRAMES or self._since_window % CHECK_FRAMES:
            return False
        return any(self._passes(gate) for gate in GATES)

    def _passes(self, gate: _Gate) -> bool:
        if self._count_voice(gate.share) < gate.share * self._min_voice_frames:
            return False
        return self._range_db(gate.quiet, LOUD) >= gate.range_db

    def _window(self, followed_by_s: float) -> VoiceWindow:
        self._since_window = 0
        self._compute_energies()
        features = sound_features(np.array(self._energies), self._spec)
        return VoiceWindow(features, self._quality(), self._utterance, followed_by_s)

    def _compute_energies(self) -> None:
        if not self._new_frames:
            return
        self._energies.extend(self._stream.push(np.concatenate(self._new_frames)))
        self._new_frames.clear()

    def _end_utterance(self) -> None:
        self._compute_energies()
        self._energies.clear()
        self._utterance += self._count_voice(SHORT_SHARE) > 0
        self._frames.clear()

    def _count_voice(self, share: float) -> int:
        """Counts the frames with `share` of the least probability of voice."""
        least = share * self._min_voice_probability
        return sum(frame.probability >= least for frame in self._frames)

    def _range_db(self, quiet: float, loud: float) -> float:
        """Returns the distance between two quantiles of the frames' levels."""
        levels_db = np.quantile([frame.level_db for frame in self._frames], (quiet, loud))
        return float(levels_db[1] - levels_db[0])

    def _quality(self) -> float:
        least = max(self._min_voice_probability, 1e-6)
        voiced = np.mean(np.clip([one.probability / least for one in self._frames], 0, 1))
        clipped = sum(frame.clipped for frame in self._frames)
        clipped_share = clipped / (len(self._frames) * FRAME_SAMPLES)
        range_db = self._range_db(0.1, 0.9)
        clarity = (range_db - MIN_RANGE_DB) / (FULL_RANGE_DB - MIN_RANGE_DB)
        return float(
            min(2 * voiced, 1)
            * np.clip(clarity, MIN_QUALITY, 1)
            * np.clip(1 - 20 * clipped_share, MIN_QUALITY, 1)
        )


def _levels(frames: Sound) -> tuple[list[float], list[int]]:
    """Returns the level in dB, and the number of samples at full scale, of each frame."""
    values = frames.astype(np.float32)
    powers = np.einsum("ij,ij->i", values, values) / frames.shape[1]
    clipped = np.count_nonzero(np.abs(values) >= FULL_SCALE, axis=1)
    return (10 * np.log10(powers + 1)).tolist(), clipped.tolist()
