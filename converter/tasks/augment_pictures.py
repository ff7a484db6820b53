"""Variations of a grey face crop, as a cheap camera in a kiosk would see the same face."""

from collections.abc import Callable

import cv2
import numpy as np

from edge.emotions import FloatArray
from edge.perception.face import EYES
from edge.perception.features import Pixels

LARGEST_ROLL = 30.0
"""In degrees; a face that is turned further is put upright on the device."""
CHANGED_SHARE = 0.5
"""Share of the pictures that more than the pose and the exposure may change of."""

Values = FloatArray
"""Grey values 0..255, float32[side, side]."""


def augment(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the same face in another pose, light, distance and sharpness, maybe covered."""
    values = _exposure(_warp(picture, rng).astype(np.float32), rng)
    changes = CHANGES if rng.random() < CHANGED_SHARE else ()
    for probability, change in changes:
        if rng.random() < probability:
            values = change(values, rng)
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _warp(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirrors, rotates, scales and shifts at random, in one interpolation."""
    height, width = picture.shape
    roll = rng.normal(0, 10) if rng.random() < 0.8 else rng.uniform(-LARGEST_ROLL, LARGEST_ROLL)
    scale = rng.uniform(0.85, 1.17) if rng.random() < 0.7 else rng.uniform(0.7, 1.35)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), roll, scale)
    matrix[:, 2] = matrix[:, 2] + rng.uniform(-0.08, 0.08, 2) * width
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    warped = cv2.warpAffine(
        np.ascontiguousarray(picture), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.uint8)


def _exposure(values: Values, rng: np.random.Generator) -> Values:
    return np.asarray(255 * (values / 255) ** np.exp(rng.uniform(-0.6, 0.6)), np.float32)


def _side_light(values: Values, rng: np.random.Generator) -> Values:
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6)
    ramp = np.linspace(-1, 1, len(values), dtype=np.float32)
    light = np.cos(angle) * ramp[None] + np.sin(angle) * ramp[:, None]
    return np.asarray(values * (1 + strength * light), np.float32)


def _far_away(values: Values, rng: np.random.Generator) -> Values:
    side = len(values)
    small = int(rng.uniform(0.2, 0.6) * side)
    shrunk = cv2.resize(values, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _out_of_focus(values: Values, rng: np.random.Generator) -> Values:
    across, down = rng.uniform(0.003, 0.03, 2) * len(values)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigmaX=across, sigmaY=down), np.float32)


def _motion(values: Values, rng: np.random.Generator) -> Values:
    length = 3 + int(rng.uniform(0, 0.07) * len(values))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    centre = ((length - 1) / 2, (length - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, rng.uniform(0, 180), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return np.asarray(cv2.filter2D(values, -1, kernel / kernel.sum()), np.float32)


def _darkness(values: Values, rng: np.random.Generator) -> Values:
    return np.asarray(values * rng.uniform(0.15, 0.6), np.float32)


def _sensor_noise(values: Values, rng: np.random.Generator) -> Values:
    return np.asarray(values + rng.normal(0, rng.uniform(2, 12), values.shape), np.float32)


def _compression(values: Values, rng: np.random.Generator) -> Values:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 60))]
    _, stored = cv2.imencode(".jpg", np.clip(values, 0, 255).astype(np.uint8), quality)
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.float32)


def _hand(values: Values, rng: np.random.Generator) -> Values:
    """Covers a part with a hand, hair or a cup: an ellipse of one grey."""
    side = len(values)
    axes = tuple(int(one) for one in rng.uniform(0.07, 0.22, 2) * side)
    centre = tuple(int(one) for one in rng.uniform(0, 1, 2) * side)
    grey = rng.uniform(0, 255)
    return np.asarray(
        cv2.ellipse(values.copy(), centre, axes, rng.uniform(0, 180), 0, 360, grey, -1), np.float32
    )


def _mask(values: Values, rng: np.random.Generator) -> Values:
    covered = np.array(values, np.float32)
    covered[int(rng.uniform(0.55, 0.65) * len(values)) :] = rng.uniform(40, 255)
    return covered


def _glasses(values: Values, rng: np.random.Generator) -> Values:
    """Draws a frame around both eyes, or fills it, as sunglasses do."""
    side, covered = len(values), np.array(values, np.float32)
    radius, grey = int(rng.uniform(0.1, 0.15) * side), rng.uniform(0, 120)
    width = -1 if rng.random() < 0.2 else max(1, side // 40)
    for across, down in EYES.tolist():
        centre = (int(across * side), int(down * side))
        cv2.ellipse(covered, centre, (radius, int(0.8 * radius)), 0, 0, 360, grey, width)
    return covered


CHANGES: tuple[tuple[float, Callable[[Values, np.random.Generator], Values]], ...] = (
    (0.1, _glasses),
    (0.02, _mask),
    (0.1, _hand),
    (0.1, _side_light),
    (0.25, _far_away),
    (0.1, _out_of_focus),
    (0.06, _motion),
    (0.1, _darkness),
    (0.2, _sensor_noise),
    (0.15, _compression),
)
"""Each change with its probability, in the order from the face to the file."""
