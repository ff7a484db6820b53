"""The seven emotions: mapping of model labels onto them, and their place in affect space."""

from collections.abc import Mapping, Sequence
from operator import mul
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Emotion = Literal["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]

EMOTIONS: tuple[Emotion, ...] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "sad",
    "surprise",
)

NEUTRAL = EMOTIONS.index("neutral")

MIN_PROBABILITY = 1e-4
"""Lower probabilities count as this one: no single model has a veto."""

DIGITS = 4
"""Decimal places of published figures."""

# Mean ratings, each -1..1, of pleasure and arousal for the emotion terms angry, disgusted,
# fearful, happy, sad and surprised: Russell and Mehrabian (1977), "Evidence for a three-factor
# theory of emotions", Journal of Research in Personality 11, 273-294. Neutral is the origin.
VALENCE = (-0.51, -0.60, -0.64, 0.81, 0.0, -0.63, 0.40)
AROUSAL = (0.59, 0.35, 0.60, 0.51, 0.0, -0.27, 0.67)


def label_matrix(labels: Sequence[str], label_map: Mapping[str, Emotion | None]) -> FloatArray:
    """Returns the 0/1 matrix, float32[len(labels), 7], that sums native into seven probabilities.

    A label mapped to None has a row of zeros: its mass is dropped, and `to_seven` renormalizes.
    """
    matrix = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    for row, label in enumerate(labels):
        emotion = label_map[label]
        if emotion is not None:
            matrix[row, EMOTIONS.index(emotion)] = 1.0
    return matrix


def to_seven(native: FloatArray, matrix: FloatArray) -> FloatArray:
    """Converts distributions over native labels, float32[..., n], to distributions over the seven.

    If all mass lies on labels outside the seven, the result is uniform: nothing is known.
    """
    mass = native @ matrix
    total = mass.sum(axis=-1, keepdims=True)
    uniform = np.float32(1 / len(EMOTIONS))
    return np.asarray(np.where(total > 1e-6, mass / np.maximum(total, 1e-6), uniform), np.float32)


def softmax(logits: FloatArray, temperature: float = 1.0) -> FloatArray:
    """Returns the softmax over the last axis of `logits / temperature`; higher is less certain."""
    scaled = logits.astype(np.float32, copy=False)
    if temperature != 1:
        scaled = scaled / np.float32(temperature)
    # Called several times an observation; for so few numbers, ufuncs are faster than array methods.
    exponentials = np.exp(scaled - np.maximum.reduce(scaled, axis=-1, keepdims=True))
    return np.asarray(exponentials / np.add.reduce(exponentials, axis=-1, keepdims=True))


def by_emotion(probabilities: FloatArray) -> dict[Emotion, float]:
    """Returns a distribution, float32[7], by name and rounded to DIGITS, as it is published."""
    rounded = [round(p, DIGITS) for p in probabilities.tolist()]
    return dict(zip(EMOTIONS, rounded, strict=True))


def valence_arousal(probabilities: FloatArray) -> tuple[float, float]:
    """Returns expected valence and arousal, each -1..1, of a distribution over the seven."""
    shares = probabilities.tolist()  # for so few numbers, numpy is slower
    return sum(map(mul, shares, VALENCE)), sum(map(mul, shares, AROUSAL))
