"""Frames in, Sightings out: the expressions of the people in a frame."""

import cv2
import numpy as np

from edge.emotions import FloatArray
from edge.perception.classifier import Classifier
from edge.perception.detector import Face
from edge.perception.face_tracker import FaceTracker
from edge.perception.features import Pixels, image_features
from edge.perception.geometry import similarity
from edge.perception.manifest import ImageInput
from edge.perception.quality import face_quality, familiarity_factor
from edge.values import UNKNOWN_SUBJECT, Box, Frame, Observation, Sighting

# Positions of the eyes in the training pictures, as shares of the side: medians over the first
# 3,000 pictures of FER2013Train in which BlazeFace found a face.
EYES = np.array([[0.317, 0.392], [0.686, 0.393]], np.float32)
# The crop of a near face is this many times larger than the model's input and then shrunk by area,
# so that it does not alias. A face is near if it is NEAR times larger in the frame than the input.
OVERSAMPLING = 2
NEAR = 1.5


def align(pixels: Pixels, face: Face, side: int) -> Pixels:
    """Crops a face from a BGR frame, uint8[side, side, 3], with its eyes at EYES as in training."""
    source = (face.keypoints[1] - face.keypoints[0]).astype(np.float64)
    target = (EYES[1] - EYES[0]).astype(np.float64) * side
    # Rotation and scale that map one eye axis onto the other, as a complex number.
    turn = complex(*target) / (complex(*source) or 1e-6)
    matrix = similarity(turn, face.keypoints[:2].mean(axis=0), EYES.mean(axis=0) * side)
    crop = cv2.warpAffine(
        pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


class FacePerception:
    """Finds, aligns and classifies the faces of one camera. Not thread-safe."""

    def __init__(self, tracker: FaceTracker, classifier: Classifier) -> None:
        assert isinstance(classifier.manifest.input, ImageInput)
        self.tracker = tracker
        self.classifier = classifier
        self._spec = classifier.manifest.input

    def perceive(self, frame: Frame) -> Sighting:
        """Returns the expressions of the faces in the next frame."""
        seen = self.tracker.update(frame.pixels, frame.captured_s)
        observations = tuple(self._observe(frame, one.number, one.face) for one in seen)
        return Sighting(
            observations,
            self.tracker.faces,
            frame.captured_s,
            self.tracker.primary,
            self.tracker.tracked,
        )

    def align(self, pixels: Pixels, face: Face) -> Pixels:
        """Crops a face, aligned, at the size of the classifier's input or OVERSAMPLING times it."""
        side = self._spec.shape[0]
        is_near = face.eye_distance > NEAR * side * float(EYES[1, 0] - EYES[0, 0])
        return align(pixels, face, side * OVERSAMPLING if is_near else side)

    def crop(self, pixels: Pixels, face: Face) -> FloatArray:
        """Crops a face and returns it as features of the classifier."""
        return image_features(self.align(pixels, face), self._spec)

    def perceive_crop(self, frame: Frame) -> Observation:
        """Returns the expression of a picture that is a face crop already."""
        answer = self.classifier.classify(image_features(frame.pixels, self._spec))
        quality = familiarity_factor(answer.familiarity)
        return Observation(
            "face", UNKNOWN_SUBJECT, frame.captured_s, answer.probabilities, quality, answer.native
        )

    def _observe(self, frame: Frame, subject: int, face: Face) -> Observation:
        aligned = self.align(frame.pixels, face)
        answer = self.classifier.classify(image_features(aligned, self._spec))
        quality = face_quality(face, aligned, frame.pixels.shape)
        quality *= familiarity_factor(answer.familiarity)
        return Observation(
            "face",
            subject,
            frame.captured_s,
            answer.probabilities,
            quality,
            answer.native,
            Box(*(round(edge, 1) for edge in face.box.tolist())),
        )
