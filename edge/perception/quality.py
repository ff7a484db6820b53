"""Rates how well a face can be classified, by what can be seen of it and by the model's answer.

Every bound is the limit of the faces that the model was trained on: quantiles over 2,500 pictures
of FER2013Train, in 2,292 of which BlazeFace found a face.
"""

import cv2
import numpy as np

from edge.emotions import FloatArray
from edge.perception.detector import Face
from edge.perception.features import Pixels

# Distance between the eyes in the training pictures.
FULL_EYE_DISTANCE_PX = 17.7
# Deviation of the Laplacian of a crop of this side, divided by the deviation of its values: 1% are
# lower; a blur with a deviation of one pixel quarters it.
FULL_SHARPNESS, SHARPNESS_SIDE_PX = 0.46, 48
# Deviation of grey levels below which a picture has no contrast: noise in the dark is not detail.
MIN_CONTRAST = 16.0
# Distance of the nose from the midpoint of the eyes, along their axis, in eye distances: 90% are
# below the first bound, 2% above the second.
FULL_YAW, MAX_YAW = 0.28, 0.8
# Height of the nose between eyes (0) and mouth (1): the 2nd to the 98th percentile.
FULL_PITCH = (0.25, 0.70)
MAX_PITCH_EXCESS = 0.4
# Factor for a face that may be upside down: its answer hardly counts beside others.
ROLLED = 0.2
# Factor for a face unlike any that the model knows.
UNFAMILIAR = 0.2


def face_quality(face: Face, aligned: Pixels, frame_shape: tuple[int, ...]) -> float:
    """Rates a face, 0..1, in a frame of shape height, width, …; `aligned` is its crop."""
    size = min(face.eye_distance / FULL_EYE_DISTANCE_PX, 1.0)
    upright = ROLLED if face.may_be_rolled else 1.0
    visible = _visible(face, frame_shape)
    return face.score * size * sharpness(aligned) * frontality(face.keypoints) * visible * upright


def familiarity_factor(familiarity: float) -> float:
    """Returns the factor of the quality of what is this familiar to its model, 0..1."""
    return UNFAMILIAR + (1 - UNFAMILIAR) * familiarity


def sharpness(aligned: Pixels) -> float:
    """Rates the detail of a face crop, uint8 HxWx3 BGR, relative to its contrast, 0..1."""
    # In float, because rounding to whole grey levels would look like detail in a dark picture.
    grey = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY).astype(np.float32)
    small = cv2.resize(grey, (SHARPNESS_SIDE_PX, SHARPNESS_SIDE_PX), interpolation=cv2.INTER_AREA)
    detail, contrast = (
        cv2.meanStdDev(values)[1].item() for values in (cv2.Laplacian(small, cv2.CV_32F), small)
    )
    return min(detail / (FULL_SHARPNESS * max(contrast, MIN_CONTRAST)), 1.0)


def frontality(keypoints: FloatArray) -> float:
    """Rates how directly a face looks at the camera, 0..1, from eyes, nose and mouth."""
    right, left, nose, mouth = (complex(*point) for point in keypoints[:4].tolist())
    across, middle = left - right, (right + left) / 2
    distance = abs(across)
    if distance < 1e-6:
        return 0.0
    # Relative to the midpoint of the eyes: along their axis, and down the face.
    turned = across.conjugate() / distance
    nose_at, mouth_at = (nose - middle) * turned, (mouth - middle) * turned
    if mouth_at.imag < 1e-6:
        return 0.0
    yaw, pitch = abs(nose_at.real) / distance, nose_at.imag / mouth_at.imag
    excess = max(FULL_PITCH[0] - pitch, pitch - FULL_PITCH[1], 0.0)
    return _share((MAX_YAW - yaw) / (MAX_YAW - FULL_YAW)) * _share(1 - excess / MAX_PITCH_EXCESS)


def _visible(face: Face, frame_shape: tuple[int, ...]) -> float:
    """Returns the share of the face's box that lies in the frame."""
    height, width = frame_shape[:2]
    left, top, right, bottom = face.box.tolist()
    across = min(max(right, 0.0), width) - min(max(left, 0.0), width)
    down = min(max(bottom, 0.0), height) - min(max(top, 0.0), height)
    return min(float(across * down) / max(face.area, 1e-6), 1.0)


def _share(value: float) -> float:
    """Returns a value, limited to 0..1."""
    return min(max(value, 0.0), 1.0)
