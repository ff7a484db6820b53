"""Values that travel from device to belief; times are seconds of a monotonic clock."""

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from edge.emotions import EMOTIONS, Emotion, FloatArray

Pixels = npt.NDArray[np.uint8]
"""A picture, HxWx3 in the order BGR, or HxW grey."""
Sound = npt.NDArray[np.int16]
"""Mono samples at SAMPLE_RATE_HZ."""
SAMPLE_RATE_HZ = 16_000
MODALITIES = ("face", "speech", "text")
"""Modalities observed by this program; outside sensors may add others."""
SUM_TOLERANCE = 1e-3
"""Allowed deviation from one of the sum of an observation's probabilities."""
UNKNOWN_SUBJECT = 0
"""Subject of voice and text, which belong to the primary face, if any; faces count from 1."""


@dataclass(frozen=True)
class Frame:
    """One picture from the camera."""

    pixels: npt.NDArray[np.uint8]
    """uint8 HxWx3, BGR."""
    captured_s: float


@dataclass(frozen=True)
class AudioBlock:
    """A piece of sound, mono at 16 kHz."""

    samples: Sound
    captured_s: float
    """Time of its last sample."""


@dataclass(frozen=True)
class TextMessage:
    """A text that someone wrote or said."""

    text: str
    received_s: float
    subject: int = UNKNOWN_SUBJECT


@dataclass(frozen=True)
class Box:
    """The place of a face in its picture, in pixels from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Observation:
    """The answer of one modality for one subject at one moment."""

    modality: str
    subject: int
    captured_s: float
    probabilities: FloatArray
    """float32[7], in the order of EMOTIONS, calibrated."""
    quality: float
    """0..1: reliability, from how well the subject could be seen, heard or read."""
    native: dict[str, float] = field(default_factory=dict)
    """Probabilities of the model's own labels."""
    box: Box | None = None
    """Of a detected face, in its frame."""


def invalid_reason(observation: Observation) -> str | None:
    """Returns why an observation from elsewhere is invalid; None if it is valid."""
    probabilities = observation.probabilities
    if getattr(probabilities, "shape", None) != (len(EMOTIONS),):
        return f"it does not have {len(EMOTIONS)} probabilities"
    values = probabilities.tolist()  # for so few numbers, numpy is slower
    if not (abs(sum(values) - 1) <= SUM_TOLERANCE and min(values) >= 0):
        return "its probabilities are not a distribution"
    if not 0 <= observation.quality <= 1:
        return "its quality is not between 0 and 1"
    if not math.isfinite(observation.captured_s):
        return "its time is not a number"
    return None


@dataclass(frozen=True)
class Sighting:
    """The faces of one frame and their expressions."""

    observations: tuple[Observation, ...]
    faces: int
    """Number of all faces, including those beyond `max_faces`, which are not observed."""
    captured_s: float
    primary_subject: int | None = None
    """Subject to whom voice and text belong, even while their face is briefly hidden."""
    tracked: frozenset[int] = frozenset()
    """All subjects that have not left, including briefly hidden ones."""

    @property
    def primary(self) -> Observation | None:
        """Observation of the primary subject; None while it is not seen."""
        of_primary = (one for one in self.observations if one.subject == self.primary_subject)
        return next(of_primary, None)


@dataclass(frozen=True)
class Belief:
    """The fused answer of all modalities."""

    probabilities: FloatArray
    """float32[7], in the order of EMOTIONS."""
    contributions: dict[str, float]
    """Share of each modality, 0..1; they add up to one."""
    captured_s: float
    """Time of the newest observation in it."""

    @property
    def emotion(self) -> Emotion:
        """The most probable of the seven."""
        values = self.probabilities.tolist()  # for so few numbers, numpy is slower
        return EMOTIONS[int(values.index(max(values)))]

    @property
    def confidence(self) -> float:
        """Probability of `emotion`."""
        return float(max(self.probabilities.tolist()))


class MadeBy(msgspec.Struct, frozen=True):
    """The recipe that made a pack, or fusion.json."""

    recipe: str
    """Name of the file."""
    sha256: str
