"""Frames in, Observations of the people's faces out."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.emotions import FloatArray
from edge.observation import PRIMARY_SUBJECT, Frame, Observation
from edge.perception.classifier import Classifier
from edge.perception.detector import Face, FaceDetector
from edge.perception.features import Pixels, image_features
from edge.perception.pack import ImageInput

# Where the eyes lie in the training pictures, as shares of the side: the medians over the first
# 3,000 pictures of FER2013Train in which BlazeFace found a face.
EYES = np.array([[0.317, 0.392], [0.686, 0.393]], np.float32)
# The crop is cut this much larger than the model's input and then shrunk by area, so that a
# near face does not alias.
OVERSAMPLING = 2
# Pixels from eye to eye in the training pictures: a smaller face has less detail than those.
FULL_QUALITY_EYE_DISTANCE_PX = 17.7


def align(pixels: Pixels, face: Face, side: int) -> Pixels:
    """The face cut out of a BGR frame, uint8[side, side, 3], its eyes where training had them."""
    source = (face.keypoints[1] - face.keypoints[0]).astype(np.float64)
    target = (EYES[1] - EYES[0]).astype(np.float64) * side
    # The rotation and scale that carry one eye axis onto the other, as complex numbers.
    turn = complex(*target) / (complex(*source) or 1e-6)
    matrix = np.array([[turn.real, -turn.imag, 0], [turn.imag, turn.real, 0]])
    middle = face.keypoints[:2].mean(axis=0)
    matrix[:, 2] = EYES.mean(axis=0) * side - matrix[:, :2] @ middle
    crop = cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def quality(face: Face) -> float:
    """0..1: how well this face can be read, from its size in pixels and the detector's score."""
    return face.score * min(face.eye_distance / FULL_QUALITY_EYE_DISTANCE_PX, 1.0)


@dataclass(frozen=True)
class Sighting:
    """What one frame shows."""

    faces: int
    observation: Observation | None
    """Of the largest face; None without one."""


class FacePerception:
    """Detects, aligns and classifies the largest face of each frame."""

    def __init__(self, detector: FaceDetector, classifier: Classifier) -> None:
        assert isinstance(classifier.manifest.input, ImageInput)
        self.detector = detector
        self.classifier = classifier
        self._spec = classifier.manifest.input

    def perceive(self, frame: Frame) -> Sighting:
        """The number of faces, and what the largest one expresses."""
        faces = self.detector.detect(frame.pixels)
        if not faces:
            return Sighting(0, None)
        features = self.crop(frame.pixels, faces[0])
        return Sighting(len(faces), self._observe(features, frame.captured_s, quality(faces[0])))

    def crop(self, pixels: Pixels, face: Face) -> FloatArray:
        """A face as the classifier takes it."""
        return image_features(align(pixels, face, self._spec.shape[0] * OVERSAMPLING), self._spec)

    def perceive_crop(self, frame: Frame) -> Observation:
        """What a picture expresses that holds a face and nothing else."""
        return self._observe(image_features(frame.pixels, self._spec), frame.captured_s, 1.0)

    def _observe(self, features: FloatArray, captured_s: float, quality: float) -> Observation:
        answer = self.classifier.classify(features)
        return Observation(
            "face", PRIMARY_SUBJECT, captured_s, answer.probabilities, quality, answer.native
        )
