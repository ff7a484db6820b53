"""Puts faces upright that the detector takes for upright although they are rolled.

BlazeFace finds faces rolled by up to about 75° with the right keypoints. It finds many upside-down
faces as well, but takes the mouth for the eyes; its score is lower then. `benchmarks/roll.py` shows
what becomes of it.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from edge.perception.detector import Face
from edge.perception.features import Pixels
from edge.perception.geometry import Matrix, similarity, transform

SURE_SCORE = 0.9
"""Faces with at least this score have the right keypoints: of those that were taken for upright
although they were not, the highest score was 0.88."""
TILE_PX = 128
"""Side of the square that shows the face in one of four turns."""
QUARTERS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
SURROUNDINGS = 1.6
"""Side of the area that a tile shows, in widths of the face's box: best of 1.3 to 2.5 on FER+."""
MAX_DEVIATION_DEG = 10.0
"""Largest difference in roll at which the first detection counts as right."""
MAX_SHIFT_WIDTHS = 0.5
"""Distance of the centres, in widths of the first box, above which the new face is a neighbour's.
The highest one measured within one face is 0.42."""

Detect = Callable[[Pixels], list[Face]]


def put_upright(detect: Detect, pixels: Pixels, face: Face) -> Face:
    """Detects a face again, in one picture that shows it in all four quarter turns.

    Returns a corrected face if another turn shows it with a higher score. Otherwise it returns the
    same face, also if it is found in no turn: such faces are blurred or covered, but hardly ever
    rolled.
    """
    matrices = [_tile_matrix(face, quarter) for quarter in range(4)]
    tile = cv2.warpAffine(pixels, matrices[0], (TILE_PX, TILE_PX))
    tiles = [tile, *(cv2.rotate(tile, quarter) for quarter in QUARTERS)]
    rows = [cv2.hconcat(tiles[:2]), cv2.hconcat(tiles[2:])]
    found = detect(np.asarray(cv2.vconcat(rows), np.uint8))
    best = max(found, key=lambda one: one.score, default=face)
    if best.score <= face.score:
        return face
    column, row = (_centre(best) // TILE_PX).clip(0, 1).astype(int)
    corner = np.array([column, row], np.float32) * TILE_PX
    corrected = _moved_back(best, corner, matrices[2 * row + column])
    if np.linalg.norm(_centre(corrected) - _centre(face)) > MAX_SHIFT_WIDTHS * _width(face):
        return face
    difference = np.angle(_eye_axis(corrected) / _eye_axis(face), deg=True)
    return face if abs(difference) <= MAX_DEVIATION_DEG else corrected


def _tile_matrix(face: Face, quarter: int) -> Matrix:
    """Returns the transform of the frame to a tile with the face turned clockwise by quarters."""
    scale = TILE_PX / (SURROUNDINGS * _width(face))
    return similarity(1j**quarter * scale, _centre(face), [(TILE_PX - 1) / 2] * 2)


def _moved_back(face: Face, corner: npt.NDArray[np.float32], matrix: Matrix) -> Face:
    """Moves a face found in the tile at `corner` back into the frame."""
    inverse = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    corners = transform(face.box.reshape(2, 2) - corner, inverse)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return replace(face, box=box, keypoints=transform(face.keypoints - corner, inverse))


def _centre(face: Face) -> npt.NDArray[np.float64]:
    return np.asarray(face.box.reshape(2, 2).mean(axis=0), np.float64)


def _width(face: Face) -> float:
    return max(float(face.box[2] - face.box[0]), 1.0)


def _eye_axis(face: Face) -> complex:
    return complex(*(face.keypoints[1] - face.keypoints[0])) or 1e-6
