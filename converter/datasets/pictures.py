"""What loaders of face pictures share: their labels, and how a file becomes a sample."""

from pathlib import Path

import cv2
import numpy as np

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
"""The labels of FER+, which every face data set is brought to."""
LABEL_OF = {
    **{label: label for label in LABELS},
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
"""What data sets call the labels, in lower case."""
SIDE = 48
"""Of the pictures of FER2013, FER+ and CK+48, in pixels."""
LARGEST_SIDE = 96
"""To which larger pictures are shrunk: what the largest crop of a device shows."""


def decode(data: bytes) -> Pixels | None:
    """A picture file's bytes as a grey square, uint8; None where they are no picture."""
    buffer = np.frombuffer(data, np.uint8)
    try:
        picture = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE) if len(buffer) else None
    except cv2.error:
        return None
    if picture is None:
        return None
    side = min(max(picture.shape), LARGEST_SIDE)
    if picture.shape != (side, side):
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _read(file: Path) -> Pixels | None:
    try:
        return decode(file.read_bytes())
    except OSError:
        return None


def one_hot(labels: list[str]) -> FloatArray:
    """float32[len(labels), 8], a certain distribution for each label of LABELS."""
    return np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(label) for label in labels]]


def label_folders(folder: Path) -> dict[Path, str]:
    """The folders below `folder` that are named after an emotion, with its label."""
    if not folder.is_dir():
        return {}
    found = {
        one: LABEL_OF.get(one.name.lower()) for one in sorted(folder.iterdir()) if one.is_dir()
    }
    return {one: label for one, label in found.items() if label is not None}


def read_folders(folder: Path, unusable: list[str]) -> Samples:
    """Every picture in the emotion folders of `folder`; groups are file names without suffix.

    Folders with other names, files beside the folders and files that are no pictures are added to
    `unusable`. Raises DatasetError where nothing is left.
    """
    folders = label_folders(folder)
    for one in sorted(folder.iterdir()) if folder.is_dir() else ():
        if one.is_dir() and one not in folders:
            unusable.append(f"{one}: no emotion is called {one.name!r}")
        elif one.is_file():
            unusable.append(f"{one}: not in the folder of an emotion")
    pictures, labels, names = [], [], []
    for emotion_folder, label in folders.items():
        for file in sorted(emotion_folder.iterdir()):
            picture = _read(file) if file.suffix.lower() in PICTURES else None
            if picture is None:
                unusable.append(f"{file}: not a readable picture")
                continue
            pictures.append(picture)
            labels.append(label)
            names.append(file.stem)
    if not pictures:
        raise DatasetError(f"{folder}: no picture in a folder named after an emotion")
    return Samples(LABELS, pictures, one_hot(labels), tuple(names))
