"""What fusion learned from the models' answers on held-out data: models/fusion.json."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from edge.emotions import Emotion
from edge.errors import ModelError

Share = Annotated[float, Meta(ge=0, le=1)]
PositiveShare = Annotated[float, Meta(gt=0, le=1)]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A linear score of each observation; a softmax over them gives the weights of attention."""

    modalities: dict[str, float]
    """What a modality's score begins with."""
    trust: float
    """For each factor of e in quality and age."""
    certainty: float
    """For a distribution with all of its mass on one emotion, against a uniform one."""
    agreement: float
    """For one that equals those of the others, against one that excludes them."""
    strength: Annotated[float, Meta(ge=0)]
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

    reliabilities: dict[str, dict[Emotion, Share]]
    """How far each modality can be trusted on each emotion."""
    prior: dict[Emotion, PositiveShare]
    """The seven where nothing is known; they add up to one."""
    doubt: Share
    """The chance that an observation is about something else than what the others tell of."""
    sharpness: Annotated[float, Meta(gt=0)]
    """Exponent of what several say together, against that of a lone one."""
    rest: dict[Emotion, float]
    """The highest log odds of each emotion against neutral that ordinary faces at rest have."""
    gate: Gate
    models: dict[str, str] = {}
    """The hash of each modality's model that all this was learned from."""
    figures: tuple[Figure, ...] = ()


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
