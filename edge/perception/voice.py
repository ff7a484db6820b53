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
FULL_RATIO_DB, LEAST_RATIO_DB = 20.0, 4.0
"""Between loud and quiet moments: below the first a window counts less, at the second hardly."""
LEAST_QUALITY = 0.1


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
class _Moment:
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
        self._unheard = np.zeros(0, np.int16)
        self._fresh: list[Sound] = []
        self._energies: deque[FloatArray] = deque(maxlen=spec.shape[0])
        self._moments: deque[_Moment] = deque(maxlen=round(spec.duration_s * FRAMES_PER_S))
        self._since_window = 0
        self._pause = 0
        self._utterance = 0

    def hear(self, samples: Sound) -> list[VoiceWindow]:
        """Takes in int16 samples at 16 kHz; gives each window that they complete."""
        unheard = np.concatenate([self._unheard, samples])
        whole = len(unheard) // FRAME_SAMPLES * FRAME_SAMPLES
        self._unheard = unheard[whole:]
        windows = []
        for end, frame in enumerate(unheard[:whole].reshape(-1, FRAME_SAMPLES), 1):
            self._take(frame)
            if self._is_due():
                followed_by_s = (len(unheard) - end * FRAME_SAMPLES) / SAMPLE_RATE_HZ
                windows.append(self._window(followed_by_s))
        return windows

    def interrupt(self) -> None:
        """Sound was lost: what follows is another utterance."""
        self._unheard = self._unheard[:0]
        self._end_utterance()
        self._since_window = self._pause = 0
        self._stream, self._vad = LogMelStream(self._spec), MicroVad()

    def _take(self, frame: Sound) -> None:
        self._fresh.append(frame)
        if len(self._fresh) >= HOP_FRAMES:
            self._compute_fresh()
        voiced = self._vad.process_10ms(frame.tobytes()) >= self._min_voice_probability
        values = frame.astype(np.float32)
        level_db = 10 * np.log10(np.dot(values, values) / len(values) + 1)
        clipped = int(np.count_nonzero(np.abs(values) >= FULL_SCALE))
        self._moments.append(_Moment(voiced, float(level_db), clipped))
        self._since_window += 1
        self._pause = 0 if voiced else self._pause + 1
        if self._pause == PAUSE_FRAMES:
            self._end_utterance()

    def _is_due(self) -> bool:
        if self._since_window < HOP_FRAMES:
            return False
        return sum(moment.voiced for moment in self._moments) >= self._min_voice_frames

    def _window(self, followed_by_s: float) -> VoiceWindow:
        self._since_window = 0
        self._compute_fresh()
        features = sound_features(np.array(self._energies), self._spec)
        return VoiceWindow(features, self._quality(), self._utterance, followed_by_s)

    def _compute_fresh(self) -> None:
        if not self._fresh:
            return
        self._energies.extend(self._stream.hear(np.concatenate(self._fresh)))
        self._fresh.clear()

    def _end_utterance(self) -> None:
        self._compute_fresh()
        self._energies.clear()
        self._utterance += any(moment.voiced for moment in self._moments)
        self._moments.clear()

    def _quality(self) -> float:
        voiced = sum(moment.voiced for moment in self._moments) / len(self._moments)
        clipped = sum(moment.clipped for moment in self._moments)
        clipped_share = clipped / (len(self._moments) * FRAME_SAMPLES)
        quiet_db, loud_db = np.quantile([moment.level_db for moment in self._moments], (0.1, 0.9))
        clarity = (loud_db - quiet_db - LEAST_RATIO_DB) / (FULL_RATIO_DB - LEAST_RATIO_DB)
        return float(
            min(2 * voiced, 1)
            * np.clip(clarity, LEAST_QUALITY, 1)
            * np.clip(1 - 20 * clipped_share, LEAST_QUALITY, 1)
        )
