"""Short ways to make distributions and observations."""

from collections.abc import Mapping

import numpy as np

from edge.emotions import EMOTIONS, FloatArray
from edge.values import Observation


def distribution(weights: Mapping[str, float]) -> FloatArray:
    """Returns the given probabilities, with the rest shared equally among the other emotions."""
    rest = (1 - sum(weights.values())) / (len(EMOTIONS) - len(weights))
    return np.array([weights.get(emotion, rest) for emotion in EMOTIONS], np.float32)


def observation(
    emotion: str,
    probability: float,
    captured_s: float = 0.0,
    modality: str = "face",
    quality: float = 1.0,
) -> Observation:
    return Observation(
        modality, 0, captured_s, distribution({emotion: probability}), quality, {"x": 1.0}
    )
