"""What fusion learned from the models' answers on held-out data: models/fusion.json."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from edge.config import Share
from edge.emotions import EMOTIONS, Emotion
from edge.errors import ModelError

PositiveShare = Annotated[float, Meta(gt=0, le=1)]
# Against a smaller one evidence to the power of the highest sharpness is no float32 any more.
PriorShare = Annotated[float, Meta(ge=1e-3, le=1)]
SUM_TOLERANCE = 1e-2
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
