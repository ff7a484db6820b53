"""Tracks known faces into the next frame without detecting them again."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge.emotions import FloatArray
from edge.perception.detector import Face
from edge.perception.features import Pixels

# Frames are scaled down to this side at most, so that the cost does not depend on the camera.
SIDE_PX = 320
WINDOW_PX = (15, 15)
PYRAMID_LEVELS = 2
GRID = 5
"""Tracked points per side of the grid on a face."""
GRID_SHARE = 0.7
"""Share of the box that the grid covers: the border of the box is background."""
# A point is rejected if tracking it backwards ends further than this from its start.
MAX_RETURN_PX = 1.0
# Share of a face's points that must agree on its motion.
MIN_AGREEMENT = 0.6


class OpticalFlow:
    """Tracks faces by pyramidal Lucas-Kanade optical flow (Bouguet 2001), frame by frame.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._reference: Pixels | None = None
        self._scale = 1.0

    def track(self, pixels: Pixels, faces: Sequence[Face]) -> list[Face | None]:
        """Returns the previous frame's faces in this one, uint8 HxWx3 BGR; None for a lost face."""
        before, scale = self._reference, self._scale
        after = self.set_reference(pixels)
        if before is None or before.shape != after.shape or not faces:
            return [None] * len(faces)
        starts = np.stack([_grid(face) for face in faces]) * np.float32(scale)
        ends, found = _track_points(before, after, starts.reshape(-1, 1, 2))
        ends, found = ends.reshape(starts.shape), found.reshape(starts.shape[:2])
        return [
            _transform(face, start / scale, end / self._scale, ok)
            for face, start, end, ok in zip(faces, starts, ends, found, strict=True)
        ]

    def set_reference(self, pixels: Pixels) -> Pixels:
        """Sets the frame that the next `track` starts from; returns it small and grey."""
        self._scale = min(1.0, SIDE_PX / max(pixels.shape[:2]))
        size = [max(round(side * self._scale), 1) for side in pixels.shape[1::-1]]
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        self._reference = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        return self._reference


def _grid(face: Face) -> FloatArray:
    """Returns grid points within a face, float32[GRID², 2], in pixels of its frame."""
    corner, opposite = face.box[:2], face.box[2:]
    steps = np.linspace((1 - GRID_SHARE) / 2, (1 + GRID_SHARE) / 2, GRID)
    shares = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return np.asarray(corner + shares * (opposite - corner), np.float32)


def _track_points(before: Pixels, after: Pixels, points: FloatArray) -> tuple[FloatArray, Pixels]:
    """Returns the new positions of points, float32[n, 1, 2], and which of them are reliable."""
    flow = cv2.calcOpticalFlowPyrLK
    options = {"winSize": WINDOW_PX, "maxLevel": PYRAMID_LEVELS}
    ends, forward_ok, _ = flow(before, after, points, None, **options)  # type: ignore[call-overload]
    back, backward_ok, _ = flow(after, before, ends, None, **options)  # type: ignore[call-overload]
    returned = np.linalg.norm(back - points, axis=2) <= MAX_RETURN_PX
    return ends, returned & (forward_ok == 1) & (backward_ok == 1)


def _transform(face: Face, start: FloatArray, end: FloatArray, found: Pixels) -> Face | None:
    """Rotates, scales and shifts a face like most of its points; None without agreement."""
    needed = MIN_AGREEMENT * len(start)
    if found.sum() < needed:
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(
        start[found], end[found], ransacReprojThreshold=face.eye_distance / 10
    )
    if matrix is None or agreeing.sum() < needed:
        return None
    corners = np.concatenate([face.box.reshape(2, 2), face.keypoints])
    moved = corners @ matrix[:, :2].T + matrix[:, 2]
    # The box stays upright: its centre moves, and its size changes with the scale.
    scale = float(np.hypot(*matrix[:, 0]))
    middle = matrix[:, :2] @ face.box.reshape(2, 2).mean(axis=0) + matrix[:, 2]
    half = scale * (face.box[2:] - face.box[:2]) / 2
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return replace(face, box=box, keypoints=moved[2:].astype(np.float32))
