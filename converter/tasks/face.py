"""The training task of the face model, on FER+ above all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from converter.datasets import face_clips, face_sets, fer2013, ferplus, own_faces, rafdb
from converter.datasets.face_folders import CORPORA
from converter.datasets.pictures import SIDE
from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme, Splits
from converter.networks import face as network
from converter.tasks.base import Layout, Schedule, Task, load_known
from edge.emotions import FloatArray
from edge.perception.features import Pixels, image_features
from edge.perception.manifest import ImageInput, InputSpec

LAYOUTS: tuple[Layout[Splits], ...] = (
    (ferplus.matches, ferplus.load),
    (own_faces.matches, own_faces.load),
    (rafdb.matches, rafdb.load),
    (face_clips.matches, face_clips.load),
    *((one.matches, one.load) for one in CORPORA),
    (fer2013.matches, fer2013.load),  # last: takes any file for its table
)
KNOWN = (
    "FER+ (FER2013Train/label.csv), "
    "FER2013 (fer2013.csv, or train/ and test/ with a folder an emotion), "
    "RAF-DB (EmoLabel/list_patition_label.txt), "
    + ", ".join(f"{one.dataset} (a folder an emotion with {one.hint})" for one in CORPORA)
    + ", clips (labels.csv with file, emotion and speaker beside videos)"
    ", own pictures (train/, val/ and test/ with a folder an emotion)"
)


@dataclass
class FaceTask(Task):
    """Square grey crops, labelled by the votes of FER+'s annotators, or one label each.

    Joined data sets keep the labels that each has: no picture counts against a label that its
    annotators could not choose.
    """

    side: int = SIDE
    """Side of the network's input, in pixels."""
    width: float = 1.0
    """Factor of every channel count of the network."""
    size: network.Size = "small"
    _schemes: dict[str, AnnotationScheme] = field(default_factory=dict, init=False, repr=False)
    """By data set, the labels of each of several joined ones; empty for a single one."""

    modality = "face"
    label_map = {
        "neutral": "neutral",
        "happiness": "happy",
        "surprise": "surprise",
        "sadness": "sad",
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "contempt": None,
    }
    corrects_prior = True
    schedule = Schedule(
        epochs=20,
        batch_size=128,
        learning_rate=1e-3,
        patience=6,
        weight_decay=0.05,
        largest_gradient=1.0,
        mixup=0.2,
    )

    def load(self, data: Sequence[Path]) -> Splits:
        sets = [load_known(path, LAYOUTS, KNOWN) for path in data]
        splits = sets[0] if len(sets) == 1 else face_sets.join(sets)
        self._schemes = splits.schemes
        return splits

    def training_targets(self, samples: Samples) -> FloatArray:
        offered = np.ones_like(samples.targets, bool)
        for dataset, scheme in self._schemes.items():
            lacks = np.array([label not in scheme.labels for label in samples.labels])
            offered[np.ix_(samples.rows_of({dataset}), np.flatnonzero(lacks))] = False
        return np.asarray(np.where(offered, samples.targets, np.nan), np.float32)

    def sample_weights(self, samples: Samples) -> FloatArray | None:
        """Draws joined sets by the square root of their size, so that a small one is seen."""
        if not self._schemes:
            return None
        sizes = Counter(samples.groups)
        weights = np.array([sizes[group] ** -0.5 for group in samples.groups])
        return np.asarray(weights / weights.sum())

    def input_spec(self, train: Samples) -> ImageInput:
        return ImageInput((self.side, self.side, 1), "grey", "standardized")

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, ImageInput)
        return image_features(sample, spec)

    def augment(self, sample: Any, rng: np.random.Generator) -> Pixels:
        """Varies what a detector's crops vary in: pose, light, sharpness, occlusion."""
        picture = _warp(sample, rng)
        side = len(picture)
        gamma = np.exp(rng.uniform(-0.4, 0.4))
        values = 255 * (picture.astype(np.float32) / 255) ** gamma
        if rng.random() < 0.2:  # far away
            small = int(rng.integers(20, 40)) * side // SIDE
            values = cv2.resize(values, (small, small), interpolation=cv2.INTER_AREA)
            values = cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.1:  # out of focus, or moving
            across, down = rng.uniform(0.2, 1.6, 2) * side / SIDE
            values = cv2.GaussianBlur(values, (0, 0), sigmaX=across, sigmaY=down)
        if rng.random() < 0.2:
            values = values + rng.normal(0, rng.uniform(2, 12), values.shape)
        if rng.random() < 0.2:  # a hand, hair, a cup
            height, width = rng.integers(6, 20, 2) * side // SIDE
            top, left = rng.integers(0, side - height), rng.integers(0, side - width)
            values[top : top + height, left : left + width] = rng.uniform(0, 255)
        return np.asarray(np.clip(values, 0, 255), np.uint8)

    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        assert isinstance(spec, ImageInput)
        labels = len(self.labels)
        return network.build(spec.shape, labels, second_labels, self.width, self.size)


def _warp(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirrors, rotates, scales and shifts at random, in one interpolation."""
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), rng.normal(0, 7), rng.uniform(0.87, 1.15)
    )
    matrix[:, 2] = matrix[:, 2] + rng.uniform(-4, 4, 2) * width / SIDE
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    warped = cv2.warpAffine(
        np.ascontiguousarray(picture), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.uint8)
