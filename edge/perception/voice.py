"""When somebody speaks: windows of sound with enough voice in them, utterance by utterance."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from pymicro_vad import MicroVad

from edge.emotions import FloatArray
from edge.perception.features import LogMelStream, sound_features
from edge.perception.manifest import SoundInput
from edge.values import SAMPLE_RATE_HZ, Sound

FRAMES_PER_S = 100
"""The voice activity detector judges 10 ms at a time."""
FRAME_SAMPLES = SAMPLE_RATE_HZ // FRAMES_PER_S
HOP_FRAMES = FRAMES_PER_S // 2
"""From one window to the next."""
PAUSE_FRAMES = 80
"""So much without voice ends an utterance."""
FULL_SCALE = 32767
FULL_RANGE_DB, MIN_RANGE_DB = 20.0, 4.0
"""Between loud and quiet moments: below the first a window counts less, at the second hardly."""
MIN_QUALITY = 0.1


@dataclass(frozen=True)
class VoiceWindow:
    """The newest sound at a moment when enough of it is voice."""

    features: FloatArray
    """As the model takes them."""
    quality: float
    """0..1: full where half of it is voice, well above the noise and not clipped."""
    utterance: int
    """Counts up with every pause."""
    followed_by_s: float
    """Sound that was heard after it already, when it was found."""


@dataclass(frozen=True)
class _FrameLevel:
    """10 ms of sound."""

    voiced: bool
    level_db: float
    clipped: int
    """Samples at full scale."""


class VoiceWindows:
    """Finds the windows in sound that arrives in pieces of any size.

    pymicro-vad 2.1 loses an exception that is on its way while a detector of it is freed: do not
    make one of these in an expression that may raise.

    `min_voice_probability` is what 10 ms need to count as voice, `min_voice_s` how much voice of
    one utterance a window needs. An utterance shares no window with the one before it.
    """

    def __init__(self, spec: SoundInput, min_voice_probability: float, min_voice_s: float) -> None:
        self._spec = spec
        self._min_voice_probability = min_voice_probability
        self._min_voice_frames = round(min_voice_s * FRAMES_PER_S)
        self._vad = MicroVad()
        self._stream = LogMelStream(spec)
        self._pending = np.zeros(0, np.int16)
        self._new_frames: list[Sound] = []
        self._energies: deque[FloatArray] = deque(maxlen=spec.shape[0])
        self._frames: deque[_FrameLevel] = deque(maxlen=round(spec.duration_s * FRAMES_PER_S))
        self._since_window = 0
        self._pause = 0
        self._utterance = 0

    def push(self, samples: Sound) -> list[VoiceWindow]:
        """Takes in int16 samples at 16 kHz; gives each window that they complete."""
        pending = np.concatenate([self._pending, samples])
        whole = len(pending) // FRAME_SAMPLES * FRAME_SAMPLES
        self._pending = pending[whole:]
        windows = []
        for end, frame in enumerate(pending[:whole].reshape(-1, FRAME_SAMPLES), 1):
            self._process(frame)
            if self._is_due():
                followed_by_s = (len(pending) - end * FRAME_SAMPLES) / SAMPLE_RATE_HZ
                windows.append(self._window(followed_by_s))
        return windows

    def reset(self) -> None:
        """Sound was lost: what follows is another utterance."""
        self._pending = self._pending[:0]
        self._end_utterance()
        self._since_window = self._pause = 0
        self._stream, self._vad = LogMelStream(self._spec), MicroVad()

    def _process(self, samples: Sound) -> None:
        self._new_frames.append(samples)
        if len(self._new_frames) >= HOP_FRAMES:
            self._compute_energies()
        voiced = self._vad.process_10ms(samples.tobytes()) >= self._min_voice_probability
        values = samples.astype(np.float32)
        level_db = 10 * np.log10(np.dot(values, values) / len(values) + 1)
        clipped = int(np.count_nonzero(np.abs(values) >= FULL_SCALE))
        self._frames.append(_FrameLevel(voiced, float(level_db), clipped))
        self._since_window += 1
        self._pause = 0 if voiced else self._pause + 1
        if self._pause == PAUSE_FRAMES:
            self._end_utterance()

    def _is_due(self) -> bool:
        if self._since_window < HOP_FRAMES:
            return False
        return sum(frame.voiced for frame in self._frames) >= self._min_voice_frames

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
        self._utterance += any(frame.voiced for frame in self._frames)
        self._frames.clear()

    def _quality(self) -> float:
        voiced = sum(frame.voiced for frame in self._frames) / len(self._frames)
        clipped = sum(frame.clipped for frame in self._frames)
        clipped_share = clipped / (len(self._frames) * FRAME_SAMPLES)
        quiet_db, loud_db = np.quantile([frame.level_db for frame in self._frames], (0.1, 0.9))
        clarity = (loud_db - quiet_db - MIN_RANGE_DB) / (FULL_RANGE_DB - MIN_RANGE_DB)
        return float(
            min(2 * voiced, 1)
            * np.clip(clarity, MIN_QUALITY, 1)
            * np.clip(1 - 20 * clipped_share, MIN_QUALITY, 1)
        )
