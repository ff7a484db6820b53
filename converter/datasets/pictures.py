"""Shared by the loaders of face pictures: their labels, and the reading of picture files."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from converter.datasets.files import Root, children, first_reason, read_bytes
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import AnnotationScheme, Splits
from edge.capture.media import PICTURES, decode_picture
from edge.emotions import FloatArray
from edge.errors import SourceError
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

COMPLETE = "; is it complete?"
"""The question of `decode_picture`, which would be asked for each picture."""
MAX_GREY_SPREAD = 3.0
"""Mean difference of the colour channels, of 255, up to which a picture is called grey."""


Box = tuple[int, int, int, int]
"""Left, top, width and height of a face, in pixels."""


def decode(data: bytes, box: Box | None = None) -> Pixels | str:
    """Decodes a picture file's bytes, or the face in a box, to a grey square, uint8.

    Returns the reason if the picture cannot be used.
    """
    try:
        picture = decode_picture(data, "picture", grey=True)
    except SourceError as error:
        return str(error).removeprefix("picture: ").removesuffix(COMPLETE)
    picture = picture if box is None else _around(picture, box)
    height, width = picture.shape
    if min(height, width) < SMALLEST_SIDE:
        return f"{width}x{height} pixels; a face needs {SMALLEST_SIDE}x{SMALLEST_SIDE}"
    side = min(max(picture.shape), LARGEST_SIDE)
    if picture.shape != (side, side):
        squeezed = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(squeezed, np.uint8)
    return picture


def _around(picture: Pixels, box: Box) -> Pixels:
    """Returns the square around a box, as far as the picture shows it."""
    left, top, width, height = box
    side = max(width, height)
    across, down = left + (width - side) // 2, top + (height - side) // 2
    return picture[max(down, 0) : max(down + side, 0), max(across, 0) : max(across + side, 0)]


def read_picture(file: Root) -> Pixels | str:
    """Reads a picture as a grey square, uint8; returns the reason if it cannot be used."""
    data = read_bytes(file)
    return data if isinstance(data, str) else decode(data)


class PictureReader:
    """Reads pictures as grey squares, and counts the grey files and those in colour."""

    def __init__(self) -> None:
        self._grey = self._coloured = 0

    def read(self, file: Root, box: Box | None = None) -> Pixels | str:
        """Returns uint8[side, side], or the reason why a picture cannot be used."""
        data = read_bytes(file)
        return data if isinstance(data, str) else self.decode(data, box)

    def decode(self, data: bytes, box: Box | None = None) -> Pixels | str:
        """Returns uint8[side, side], or the reason why a picture file cannot be used."""
        picture = decode(data, box)
        if not isinstance(picture, str):
            self.count(data)
        return picture

    def count(self, data: bytes) -> None:
        """Counts a readable picture file as grey or in colour."""
        is_coloured = _is_coloured(data)
        self._coloured += is_coloured
        self._grey += not is_coloured

    @property
    def notes(self) -> tuple[str, ...]:
        """Describes what a user should know about the pictures so far."""
        if not self._grey or not self._coloured:
            return ()
        return (f"{self._grey} pictures are grey and {self._coloured} in colour; all become grey",)


def _is_coloured(data: bytes) -> bool:
    small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_8)
    return small is not None and bool(np.ptp(small, axis=2).mean() > MAX_GREY_SPREAD)


def one_hot(labels: Sequence[str], among: Sequence[str] = LABELS) -> FloatArray:
    """Returns float32[len(labels), len(among)], a one-hot row for each label."""
    rows = np.array([among.index(label) for label in labels], np.intp)
    return np.eye(len(among), dtype=np.float32)[rows]


def face_set(
    dataset: str,
    parts: tuple[Samples, Samples, Samples],
    split_names: tuple[str, str],
    licence: str,
    unusable: Sequence[str],
    labels: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Splits:
    """Returns a face set: its train, held-back and test parts, the first and last with their names.

    Its annotation scheme has the labels that the annotators could choose, `labels`, and all others
    that occur in one of the parts. Without a name of the first part there is no training.
    """
    occurs = np.concatenate([part.targets for part in parts]).any(axis=0)
    everything = parts[0].labels
    known = {*labels, *(everything[index] for index in np.flatnonzero(occurs))}
    found = tuple(label for label in everything if label in known)
    train_split, test_split = split_names
    return Splits(
        (dataset,),
        *parts,
        (train_split,) if train_split else (),
        test_split,
        licence,
        tuple(unusable),
        {dataset: AnnotationScheme(dataset, found, test_split)},
        tuple(notes),
    )


def label_folders(folder: Root) -> list[tuple[Root, str]]:
    """Returns the folders in `folder` that are named after an emotion, each with its label."""
    found = ((one, LABEL_OF.get(one.name.lower())) for one in children(folder) if one.is_dir())
    return [(one, label) for one, label in found if label is not None]


def read_folders(
    folder: Root,
    unusable: list[str],
    reader: PictureReader,
) -> Samples:
    """Reads every picture in the emotion folders of `folder`; groups are file names, no suffix.

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
            picture = reader.read(file) if is_picture else "not a picture"
            if isinstance(picture, str):
                reasons.append(f"{file}: {picture}")
                continue
            pictures.append(picture)
            labels.append(label)
            names.append(Path(file.name).stem)
    unusable += reasons
    if not pictures:
        raise DatasetError(
            f"{folder}: no usable picture in a folder named after an emotion{first_reason(reasons)}"
        )
    return Samples(LABELS, pictures, one_hot(labels), tuple(names))
