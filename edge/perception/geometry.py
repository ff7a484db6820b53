"""Similarity transforms of the plane: rotate, scale and shift."""

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray

Matrix = npt.NDArray[np.float64]
"""float64[2, 3], as OpenCV's warpAffine takes it."""


def similarity(turn: complex, source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """Returns the transform that rotates and scales by `turn` and moves `source` to `target`.

    A positive angle of `turn` is clockwise in a picture, whose y axis points down.
    """
    matrix = np.array([[turn.real, -turn.imag, 0], [turn.imag, turn.real, 0]])
    matrix[:, 2] = np.asarray(target) - matrix[:, :2] @ np.asarray(source)
    return matrix


def transform(points: FloatArray, matrix: Matrix) -> FloatArray:
    """Transforms points, float32[n, 2]."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
