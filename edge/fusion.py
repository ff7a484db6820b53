"""Observations of several modalities in, one belief out: pure functions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.emotions import EMOTIONS, FloatArray, softmax
from edge.errors import ModelError
from edge.observation import Belief, Observation

SMALLEST_PROBABILITY = 1e-4
"""Below it a model's certainty counts no further: no single voice has a veto."""


class Reliabilities(msgspec.Struct, frozen=True):
    """How far each modality can be trusted on each emotion, 0..1, learned on held-out data."""

    modalities: dict[str, dict[str, Annotated[float, Meta(ge=0, le=1)]]]

    def of(self, modality: str) -> FloatArray:
        """float32[7] of one modality; ones where nothing was learned of it."""
        learned = self.modalities.get(modality, {})
        return np.array([learned.get(emotion, 1.0) for emotion in EMOTIONS], np.float32)


def load_reliabilities(path: Path) -> Reliabilities:
    """Reads models/fusion.json; raises ModelError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Reliabilities)
    except OSError as error:
        raise ModelError(f"{path}: cannot read it ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a valid fusion file ({error})") from error


def save_reliabilities(reliabilities: Reliabilities, path: Path) -> None:
    """Writes models/fusion.json."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(reliabilities), indent=2) + b"\n")


def log_linear(
    observations: Sequence[Observation],
    reliabilities: Reliabilities,
    now_s: float,
    half_life_s: float,
) -> Belief:
    """The weighted product of at least one observation (a log-linear opinion pool, Genest 1984).

    An observation's weight on an emotion is its modality's reliability there, times its quality,
    halved for every `half_life_s` of age. The weightiest counts with exponent one and the others
    in proportion, so that agreement strengthens and a lone observation is returned as it is.
    """
    trust = np.stack([_weight(one, reliabilities, now_s, half_life_s) for one in observations])
    exponents = trust / np.maximum(trust.max(axis=0), 1e-9)
    # Evidence is taken relative to knowing nothing: otherwise an emotion that is weighted higher
    # would lose by that alone, all logarithms of probabilities being negative.
    evidence = np.log(
        [
            len(EMOTIONS) * np.maximum(one.probabilities, SMALLEST_PROBABILITY)
            for one in observations
        ]
    )
    probabilities = softmax((exponents * evidence).sum(axis=0))
    shares = exponents.mean(axis=1) / exponents.mean(axis=1).sum()
    contributions: dict[str, float] = {}
    for one, share in zip(observations, shares, strict=True):
        contributions[one.modality] = contributions.get(one.modality, 0.0) + float(share)
    newest_s = max(one.captured_s for one in observations)
    return Belief(probabilities, contributions, newest_s)


def pool(observations: Sequence[Observation]) -> Observation:
    """One answer for at least one observation of the same modality over a clip or an utterance.

    The geometric mean of their probabilities, weighted by quality.
    """
    weights = np.array([one.quality + 1e-6 for one in observations], np.float32)
    logs = np.log([np.maximum(one.probabilities, SMALLEST_PROBABILITY) for one in observations])
    native = {
        label: float(np.average([one.native[label] for one in observations], weights=weights))
        for label in observations[0].native
    }
    newest = observations[-1]
    return Observation(
        newest.modality,
        newest.subject,
        newest.captured_s,
        softmax(np.average(logs, axis=0, weights=weights).astype(np.float32)),
        float(weights.max()),
        native,
    )


def _weight(
    observation: Observation, reliabilities: Reliabilities, now_s: float, half_life_s: float
) -> FloatArray:
    age_s = max(now_s - observation.captured_s, 0.0)
    decay = 0.5 ** (age_s / half_life_s)
    trust = np.float32(observation.quality * decay + 1e-6)
    return np.asarray(reliabilities.of(observation.modality) * trust, np.float32)
