"""What fusion learned from the models' answers on held-out data: models/fusion.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.config import Share
from edge.emotions import EMOTIONS, Emotion, FloatArray
from edge.errors import ModelError

PositiveShare = Annotated[float, Meta(gt=0, le=1)]
# Against a smaller one evidence to the power of the highest sharpness is no float32 any more.
PriorShare = Annotated[float, Meta(ge=1e-3, le=1)]
SUM_TOLERANCE = 1e-2
# The odds of an ordinary face at rest where nothing was learned of them.
REST_NEPERS = -2.0
Score = Annotated[float, Meta(ge=-20, le=20)]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A linear score of each observation; a softmax over them gives the weights of attention."""

    modalities: dict[str, Score]
    """What a modality's score begins with."""
    trust: Score
    """For each factor of e in quality and age."""
    certainty: Score
    """For a distribution with all of its mass on one emotion, against a uniform one."""
    agreement: Score
    """For one that equals those of the others, against one that excludes them."""
    strength: Annotated[float, Meta(ge=0, le=10)]
    """How much surer several make than one: 0 averages their logarithms, 1 multiplies them."""


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured figure of a strategy."""

    strategy: str
    pairs: str
    """What was paired with what, and what was missing or corrupted."""
    metric: str
    value: float
    n: int


class FusionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of models/fusion.json."""

    reliabilities: dict[str, dict[Emotion, PositiveShare]]
    """How far each modality can be trusted on each emotion."""
    prior: dict[Emotion, PriorShare]
    """The seven where nothing is known; they add up to one."""
    doubts: dict[str, Share]
    """The chance of each modality that it tells of something else than the others."""
    sharpness: Annotated[float, Meta(gt=0, le=10)]
    """Exponent of what each of several says, against that of a lone one."""
    rest: dict[Emotion, Score]
    """The highest log odds of each emotion against neutral that ordinary faces at rest have."""
    gate: Gate
    models: dict[str, str] = {}
    """The hash of each modality's model that all this was learned from."""
    figures: tuple[Figure, ...] = ()
    """Of what every second sample alone teaches, on the others."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports as what is wrong with the file."""
        for name, values in (("prior", self.prior), ("rest", self.rest)):
            if missing := set(EMOTIONS) - values.keys():
                raise ValueError(f"{name} lacks {', '.join(sorted(missing))}")
        if abs(sum(self.prior.values()) - 1) > SUM_TOLERANCE:
            raise ValueError(f"prior adds up to {sum(self.prior.values()):.4f}, not to 1")


def _seven(values: Mapping[Emotion, float], default: float) -> FloatArray:
    return np.array([values.get(emotion, default) for emotion in EMOTIONS], np.float32)


@dataclass(frozen=True)
class FusionModel:
    """What was learned of the models that are fused; by default nothing: all count alike."""

    reliabilities: Mapping[str, FloatArray] = field(default_factory=dict)
    """float32[7] of each modality, 0..1."""
    usual: FloatArray = field(default_factory=lambda: _seven({}, 1.0))
    """float32[7] of a modality of which nothing was learned."""
    prior: FloatArray = field(default_factory=lambda: _seven({}, 1 / len(EMOTIONS)))
    """float32[7], a distribution: what a modality must speak against to say anything."""
    doubts: Mapping[str, float] = field(default_factory=dict)
    """0..1 of each modality, the chance that it tells of something else than the others."""
    usual_doubt: float = 0.0
    """That of a modality of which nothing was learned."""
    sharpness: float = 1.0
    """Exponent of what each of several says, against that of a lone one: above 1 it is surer."""
    rest: FloatArray = field(default_factory=lambda: _seven({"neutral": 0}, REST_NEPERS))
    """float32[7], nepers: the highest odds against neutral that ordinary faces at rest have."""
    gate: Gate = field(default_factory=lambda: Gate({}, 1.0, 1.0, 1.0, 1.0))


def load_fusion(path: Path) -> FusionModel:
    """What models/fusion.json holds; raises ModelError."""
    content = read_fusion(path)
    learned = {name: _seven(each, 1.0) for name, each in content.reliabilities.items()}
    return FusionModel(
        learned,
        np.mean(list(learned.values()), axis=0) if learned else _seven({}, 1.0),
        _seven(content.prior, 0.0),
        content.doubts,
        float(np.mean(list(content.doubts.values()))) if content.doubts else 0.0,
        content.sharpness,
        _seven(content.rest, 0.0),
        content.gate,
    )


def read_fusion(path: Path) -> FusionFile:
    """Reads models/fusion.json; raises ModelError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=FusionFile)
    except OSError as error:
        raise ModelError(f"{path}: cannot read it ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: not a valid fusion file ({error}); make it with `emotion-convert fuse`"
        ) from error


def write_fusion(content: FusionFile, path: Path) -> None:
    """Writes models/fusion.json."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
