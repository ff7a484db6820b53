"""Parameters of fusion, learned on held-out data: models/fusion.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.emotions import EMOTIONS, Emotion, FloatArray
from edge.errors import ModelError
from edge.fusion.network import Network, NetworkFile
from edge.installed import check_signed
from edge.section import Share
from edge.values import MadeBy

FEATURE = "feature"
"""The strategy that needs a network."""
PositiveShare = Annotated[float, Meta(gt=0, le=1)]
Score = Annotated[float, Meta(ge=-20, le=20)]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Coefficients of a linear score per observation; a softmax over the scores gives weights."""

    modalities: dict[str, Score]
    """Bias of each modality."""
    trust: Score
    """Per neper of trust (quality and age)."""
    certainty: Score
    """For a distribution concentrated on one emotion, compared with a uniform one."""
    agreement: Score
    """For an observation equal to the others, compared with one that excludes them."""
    strength: Annotated[float, Meta(ge=0, le=10)]
    """Gain of several over one: 0 averages their logarithms, 1 multiplies them."""


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured figure of a strategy."""

    strategy: str
    pairs: str
    """Which modalities were paired, and which were missing or corrupted."""
    metric: str
    value: float
    n: int


class FusionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of models/fusion.json."""

    reliabilities: dict[str, dict[Emotion, PositiveShare]]
    """Exponent of each modality's evidence on each emotion, beside other modalities."""
    alone: dict[str, PositiveShare]
    """Exponent of each modality's evidence where it is the only one."""
    outlier_probability: dict[str, Share] = msgspec.field(name="doubts")
    """By modality: how probably its answer carries no information."""
    expressions: dict[str, dict[Emotion, dict[Emotion, Score]]] = {}
    """By modality and shown emotion: mean evidence, log probabilities less their mean."""
    gate: Gate
    network: NetworkFile | None = None
    """Of the strategy `feature`."""
    models: dict[str, str] = {}
    """sha256 of each modality's model at the time of learning."""
    figures: tuple[Figure, ...] = ()
    """Measured on people and samples other than those that taught the parameters measured."""
    made_by: MadeBy | None = None
    """The recipe; None if `emotion-convert fuse` made it."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports as what is wrong with the file."""
        for modality, shown in self.expressions.items():
            for given in (set(shown), *(set(means) for means in shown.values())):
                if missing := set(EMOTIONS) - given:
                    names = ", ".join(sorted(missing))
                    raise ValueError(f"the expressions of {modality} lack {names}")


def _seven(values: Mapping[Emotion, float], default: float) -> FloatArray:
    return np.array([values.get(emotion, default) for emotion in EMOTIONS], np.float32)


@dataclass(frozen=True)
class FusionModel:
    """Learned parameters of fusion; the defaults weigh all modalities alike."""

    reliabilities: Mapping[str, FloatArray] = field(default_factory=dict)
    """float32[7] of each modality, 0..1: exponents of its evidence beside other modalities."""
    default_reliability: FloatArray = field(default_factory=lambda: _seven({}, 1.0))
    """float32[7] of a modality without learned figures."""
    alone: Mapping[str, float] = field(default_factory=dict)
    """0..1 of each modality: the exponent of its evidence where it is the only one."""
    default_alone: float = 1.0
    """Exponent of a modality without learned figures."""
    outlier_probability: Mapping[str, float] = field(default_factory=dict)
    """0..1 of each modality: how probably an observation carries no information."""
    default_outlier_probability: float = 0.0
    """Probability of a modality without learned figures."""
    expressions: Mapping[str, FloatArray] = field(default_factory=dict)
    """float32[7, 7] of each modality: mean evidence of people who show each emotion (rows)."""
    gate: Gate = field(default_factory=lambda: Gate({}, 1.0, 1.0, 1.0, 1.0))
    network: Network | None = None
    """Of the strategy `feature`; None corrects nothing."""

    def reliability_of(self, modality: str) -> FloatArray:
        """Returns a modality's reliability on each emotion, float32[7], 0..1."""
        return self.reliabilities.get(modality, self.default_reliability)

    def alone_of(self, modality: str) -> float:
        """Returns the exponent, 0..1, of a modality that is the only one."""
        return self.alone.get(modality, self.default_alone)

    def outlier_of(self, modality: str) -> float:
        """Returns the probability, 0..1, that an observation carries no information."""
        return self.outlier_probability.get(modality, self.default_outlier_probability)


def load_fusion(path: Path, strategy: str = "", sha256: str = "") -> FusionModel:
    """Loads models/fusion.json for a strategy, or for those that need no network.

    `sha256` is the hash that it must have, empty for any. Raises ModelError.
    """
    content = read_fusion(path, sha256)
    if strategy == FEATURE and content.network is None:
        raise ModelError(
            f"{path}: fusion.strategy is {FEATURE!r}, and this file has no network; learn it with "
            "`emotion-convert fuse`, or choose another strategy"
        )
    alone, outlier = content.alone, content.outlier_probability
    learned = {name: _seven(each, 1.0) for name, each in content.reliabilities.items()}
    return FusionModel(
        learned,
        np.mean(list(learned.values()), axis=0) if learned else _seven({}, 1.0),
        alone,
        float(np.mean(list(alone.values()))) if alone else 1.0,
        outlier,
        float(np.mean(list(outlier.values()))) if outlier else 0.0,
        {
            modality: np.stack([_seven(shown[emotion], 0.0) for emotion in EMOTIONS])
            for modality, shown in content.expressions.items()
        },
        content.gate,
        None if content.network is None else Network(content.network),
    )


def read_fusion(path: Path, sha256: str = "") -> FusionFile:
    """Reads models/fusion.json; raises ModelError, also if it is of another hash."""
    try:
        content = path.read_bytes()
        check_signed(path, content, sha256)
        return msgspec.json.decode(content, type=FusionFile)
    except OSError as error:
        raise ModelError(f"{path}: cannot read it ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: not a valid fusion file ({error}); make it with `emotion-convert fuse`"
        ) from error


def write_fusion(content: FusionFile, path: Path) -> None:
    """Writes models/fusion.json."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
