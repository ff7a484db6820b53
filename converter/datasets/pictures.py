"""Shared by the loaders of face pictures: their labels, and the reading of picture files."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from converter.datasets.files import Root, children, read_bytes
from converter.datasets.samples import DatasetError, Samples
from edge.capture.media import PICTURES
from edge.emotions import FloatArray
from edge.perception.features import Pixels

LABELS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
"""The labels of FER+, which every face data set is mapped to."""
LABEL_OF = {
    **{label: label for label in LABELS},
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
"""The label of each name that a data set may use, in lower case."""
SIDE = 48
"""Side of the pictures of FER2013, FER+ and CK+48, in pixels."""
SMALLEST_SIDE = 16
"""A picture with a shorter side shows too little of a face, in pixels."""
LARGEST_SIDE = 96
"""Larger pictures are shrunk to this side, in pixels: the largest input of a device's model."""

UNREADABLE = "not a readable picture"


def decode(data: bytes) -> Pixels | str:
    """Decodes a picture file's bytes to a grey square, uint8.

    Returns the reason if the picture cannot be used.
    """
    buffer = np.frombuffer(data, np.uint8)
    try:
        picture = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE) if len(buffer) else None
    except cv2.error:
        picture = None
    if picture is None:
        return UNREADABLE
    height, width = picture.shape
    if min(height, width) < SMALLEST_SIDE:
        return f"{width}x{height} pixels; a face needs {SMALLEST_SIDE}x{SMALLEST_SIDE}"
    side = min(max(picture.shape), LARGEST_SIDE)
    if picture.shape != (side, side):
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def read_picture(file: Root) -> Pixels | str:
    """Reads a picture as a grey square, uint8; returns the reason if it cannot be used."""
    data = read_bytes(file)
    return data if isinstance(data, str) else decode(data)


def one_hot(labels: list[str]) -> FloatArray:
    """Returns float32[len(labels), 8], a one-hot row for each label."""
    rows = np.array([LABELS.index(label) for label in labels], np.intp)
    return np.eye(len(LABELS), dtype=np.float32)[rows]


def label_folders(folder: Root) -> list[tuple[Root, str]]:
    """Returns the folders in `folder` that are named after an emotion, each with its label."""
    found = ((one, LABEL_OF.get(one.name.lower())) for one in children(folder) if one.is_dir())
    return [(one, label) for one, label in found if label is not None]


def read_folders(
    folder: Root,
    unusable: list[str],
    read: Callable[[Root], Pixels | str] = read_picture,
) -> Samples:
    """Reads every picture in the emotion folders of `folder`; groups are file names, no suffix.

    `read` returns a picture, or the reason why it cannot be used.

    Folders with other names, files outside the folders and unreadable files are added to
    `unusable`. Raises DatasetError if nothing is left.
    """
    folders = label_folders(folder)
    for one in children(folder):
        if one.is_dir() and one.name.lower() not in LABEL_OF:
            unusable.append(f"{one}: no emotion is called {one.name!r}")
        elif one.is_file():
            unusable.append(f"{one}: not in a folder named after an emotion")
    pictures, labels, names = [], [], []
    reasons: list[str] = []
    for emotion_folder, label in folders:
        for file in children(emotion_folder):
            is_picture = Path(file.name).suffix.lower() in PICTURES
            picture = read(file) if is_picture else "not a picture"
            if isinstance(picture, str):
                reasons.append(f"{file}: {picture}")
                continue
            pictures.append(picture)
            labels.append(label)
            names.append(Path(file.name).stem)
    unusable += reasons
    if not pictures:
        first = f"; the first of {len(reasons)} left out: {reasons[0]}" if reasons else ""
        raise DatasetError(f"{folder}: no usable picture in a folder named after an emotion{first}")
    return Samples(LABELS, pictures, one_hot(labels), tuple(names))
