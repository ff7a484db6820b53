"""The values that travel from device to belief; times are seconds of a monotonic clock."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.emotions import EMOTIONS, Emotion, FloatArray

Sound = npt.NDArray[np.int16]
"""Mono samples at SAMPLE_RATE_HZ."""
SAMPLE_RATE_HZ = 16_000
PRIMARY_SUBJECT = 0
"""The one that voice and text belong to."""


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
    subject: int = PRIMARY_SUBJECT


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


@dataclass(frozen=True)
class Presence:
    """How many faces the camera sees, from one frame on."""

    faces: int
    captured_s: float


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
