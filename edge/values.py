"""The values that travel from device to belief; times are seconds of a monotonic clock."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.emotions import EMOTIONS, Emotion, FloatArray

Sound = npt.NDArray[np.int16]
"""Mono samples at SAMPLE_RATE_HZ."""
SAMPLE_RATE_HZ = 16_000
MODALITIES = ("face", "speech", "text")
"""Those that are observed here; there may be others outside."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of an observation may add up to more or less than one."""
UNKNOWN_SUBJECT = 0
"""The subject of voice and text, which belong to whom the camera sees first; faces count from 1."""


@dataclass(frozen=True)
class Frame:
    """One picture of the camera."""

    pixels: npt.NDArray[np.uint8]
    """uint8 HxWx3, BGR."""
    captured_s: float


@dataclass(frozen=True)
class AudioBlock:
    """A stretch of sound, mono at 16 kHz."""

    samples: Sound
    captured_s: float
    """When its last sample was heard."""


@dataclass(frozen=True)
class TextMessage:
    """A text that somebody wrote or said."""

    text: str
    received_s: float
    subject: int = UNKNOWN_SUBJECT


@dataclass(frozen=True)
class Observation:
    """What one modality says of one subject at one moment."""

    modality: str
    subject: int
    captured_s: float
    probabilities: FloatArray
    """float32[7], in the order of EMOTIONS, calibrated."""
    quality: float
    """0..1: how well the subject could be seen, heard or read."""
    native: dict[str, float] = field(default_factory=dict)
    """The model's own labels."""


def invalid_reason(observation: Observation) -> str | None:
    """What is wrong with an observation that comes from elsewhere; None where nothing is."""
    probabilities = observation.probabilities
    if getattr(probabilities, "shape", None) != (len(EMOTIONS),):
        return f"it does not have {len(EMOTIONS)} probabilities"
    if not (abs(probabilities.sum() - 1) <= SUM_TOLERANCE and probabilities.min() >= 0):
        return "its probabilities are not a distribution"
    if not 0 <= observation.quality <= 1:
        return f"its quality {observation.quality:g} is not between 0 and 1"
    if not math.isfinite(observation.captured_s):
        return "its time is not a number"
    return None


@dataclass(frozen=True)
class Sighting:
    """What one frame shows: of each face what it expresses."""

    observations: tuple[Observation, ...]
    faces: int
    """All of them, also those beyond `max_faces` of which nothing is observed."""
    captured_s: float
    primary_subject: int | None = None
    """To whom voice and text belong, also while their face is hidden for a moment."""
    tracked: frozenset[int] = frozenset()
    """All subjects that have not left, also those hidden for a moment."""

    @property
    def primary(self) -> Observation | None:
        """Of the primary subject; None while it is not seen."""
        of_primary = (one for one in self.observations if one.subject == self.primary_subject)
        return next(of_primary, None)


@dataclass(frozen=True)
class Belief:
    """The fused answer."""

    probabilities: FloatArray
    """float32[7], in the order of EMOTIONS."""
    contributions: dict[str, float]
    """Share of each modality, 0..1; they add up to one."""
    captured_s: float
    """Of the newest observation in it."""

    @property
    def emotion(self) -> Emotion:
        """The most probable of the seven."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of `emotion`."""
        return float(self.probabilities.max())
