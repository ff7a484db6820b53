"""Finds faces in a frame with MediaPipe's BlazeFace (Bazarevsky et al. 2019)."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.errors import ModelError
from edge.perception.features import Pixels, image_features
from edge.perception.manifest import ImageInput
from edge.perception.pack import Pack

ANCHOR_LAYERS = {128: ((8, 2), (16, 6)), 192: ((4, 1),)}
"""Grid strides, each with its anchors per cell, by the side of the input in pixels.

The short-range model (faces up to about two metres away) takes 128, the full-range model 192.
"""
OVERLAP_THRESHOLD = 0.3
KEYPOINTS = 6
"""Right eye, left eye (the person's own), nose tip, mouth, right ear, left ear."""


@dataclass(frozen=True)
class Face:
    """One face in a frame, in pixels of that frame."""

    box: FloatArray
    """float32[4]: left, top, right, bottom."""
    keypoints: FloatArray
    """float32[KEYPOINTS, 2]."""
    score: float
    may_be_rolled: bool = False
    """True if it may be upside down or on its side, with keypoints that are wrong then."""

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        left, top, right, bottom = self.box.tolist()
        return float((right - left) * (bottom - top))

    @property
    def eye_distance(self) -> float:
        """Distance between the eyes in pixels."""
        return math.dist(*self.keypoints[:2].tolist())


class Detector(Protocol):
    """Anything that finds faces."""

    def detect(self, pixels: Pixels) -> list[Face]:
        """Returns the faces in a BGR frame, uint8 HxWx3, largest first."""


def open_detector(pack: Pack, min_score: float) -> Detector:
    """Opens a detector's pack; BlazeFace is the only architecture. Raises ModelError."""
    return BlazeFace(pack, min_score)


class BlazeFace:
    """BlazeFace, with its short-range or full-range model.

    Not thread-safe. Raises ModelError if the pack does not fit.
    """

    def __init__(self, pack: Pack, min_score: float) -> None:
        assert isinstance(pack.manifest.input, ImageInput)
        self._spec = pack.manifest.input
        self._size = self._spec.shape[0]
        if self._size not in ANCHOR_LAYERS:
            known = " or ".join(map(str, ANCHOR_LAYERS))
            raise ModelError(
                f"{pack.path}: no BlazeFace takes pictures of {self._size} px; expected {known}"
            )
        self._interpreter = pack.open()
        self._min_logit = float(np.log(min_score / (1 - min_score)))
        self._anchors = _anchors(self._size)
        found = [output.shape for output in self._interpreter.outputs]
        count = len(self._anchors)
        expected = [(1, count, 4 + 2 * KEYPOINTS), (1, count, 1)]
        if found != expected:
            raise ModelError(f"{pack.path}: expected outputs of shape {expected}, found {found}")

    def detect(self, pixels: Pixels) -> list[Face]:
        """Returns the faces in a BGR frame, uint8 HxWx3, largest first."""
        square, scale, shift = letterbox(pixels, self._size)
        boxes, logits = self._interpreter.run(image_features(square, self._spec))
        logits = logits.reshape(-1)
        likely = np.flatnonzero(logits >= self._min_logit)
        if not len(likely):
            return []
        points = boxes[likely].reshape(len(likely), -1, 2) / self._size
        centres = points[:, :1] + self._anchors[likely, None]
        halves = points[:, 1:2] / 2
        corners = np.concatenate([centres - halves, centres + halves], axis=1)
        keypoints = points[:, 2:] + self._anchors[likely, None]
        found = np.concatenate([corners, keypoints], axis=1) * self._size
        scores = np.asarray(1 / (1 + np.exp(-logits[likely])), np.float32)
        merged = _merge((found - shift) / scale, scores)
        return sorted(merged, key=lambda face: -face.area)


def _anchors(size: int) -> FloatArray:
    """Returns the centres of all anchors, float32[anchors, 2], as shares of the picture's side."""
    layers = []
    for stride, count in ANCHOR_LAYERS[size]:
        cells = size // stride
        centres = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0))
    return np.concatenate(layers).astype(np.float32)


def letterbox(pixels: Pixels, size: int) -> tuple[Pixels, float, FloatArray]:
    """Fits the frame into a black square; returns it with the scale and shift applied."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
    square = np.zeros((size, size, 3), np.uint8)
    # Linear filtering of a frame several times larger drops pixels, but BlazeFace was trained that
    # way, and it costs a third of area filtering.
    resized = cv2.resize(pixels, inner, interpolation=cv2.INTER_LINEAR)
    square[top : top + inner[1], left : left + inner[0]] = resized
    return square, scale, np.array([left, top], np.float32)


def _merge(points: npt.NDArray[Any], scores: FloatArray) -> list[Face]:
    """Blends overlapping detections, weighted by score, for stability from frame to frame.

    `points` is [detections, 2 + KEYPOINTS, 2]: two corners, then keypoints.
    """
    faces = []
    remaining = np.argsort(-scores)
    while len(remaining):
        best = points[remaining[0]]
        alike = _overlap(best, points[remaining]) > OVERLAP_THRESHOLD
        alike[0] = True
        chosen = remaining[alike]
        weights = scores[chosen]
        blended = (points[chosen] * weights[:, None, None]).sum(axis=0) / weights.sum()
        faces.append(Face(blended[:2].ravel(), blended[2:], float(scores[remaining[0]])))
        remaining = remaining[~alike]
    return faces


def _overlap(best: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the intersection over union of one detection's box with those of others."""
    low = np.maximum(best[0], others[:, 0])
    high = np.minimum(best[1], others[:, 1])
    across, down = np.maximum(high - low, 0).T
    widths, heights = (others[:, 1] - others[:, 0]).T
    width, height = best[1] - best[0]
    shared, areas = across * down, widths * heights + width * height
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))
