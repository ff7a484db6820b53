"""FER2013 with its original labels (Goodfellow et al. 2013): fer2013.csv, or one folder per label.

The table, also called icml_face_data.csv, has the columns emotion, pixels and Usage. The folders,
train/angry/Training_1.jpg and test/angry/… or validation/angry/…, are another common form of the
same set. Both may be in a zip, and some folders deeper.
"""

import re
import zipfile
from pathlib import Path

import numpy as np

from converter.datasets.files import Root, children, find_root
from converter.datasets.pictures import (
    LABELS,
    SIDE,
    PictureReader,
    face_set,
    label_folders,
    one_hot,
    read_folders,
)
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, hold_back
from converter.datasets.tables import read_table
from edge.values import Pixels

LICENCE = "research use only (FER2013)"
TABLES = ("fer2013.csv", "icml_face_data.csv")
COLUMNS = ("emotion", "pixels", "Usage")
TRAIN, TESTS = "train", ("test", "validation")
"""Names of the folders in lower case."""
PICTURE = re.compile(r"(Training|PublicTest|PrivateTest)_\d+|im\d+")
"""Names of the pictures in the folders; others are own pictures."""
# In the order of their numbers in the table.
NATIVE_LABELS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def matches(path: Path) -> bool:
    """Returns True if `path` is FER2013 in one of its two layouts."""
    return _table(path) is not None or _folders(path) is not None


def load(path: Path, seed: int = 0) -> Splits:
    """Loads FER2013; a tenth of the training pictures is held back. Raises DatasetError."""
    unusable: list[str] = []
    reader = PictureReader()
    if (table := _table(path)) is not None:
        names = "Training", "PublicTest"
        usages = _read_table(table, unusable)
        train, test = (usages[name] for name in names)
    elif (folders := _folders(path)) is not None:
        names = folders[0].name, folders[1].name
        train, test = (read_folders(folder, unusable, reader) for folder in folders)
    else:
        raise DatasetError(
            f"{path}: expected {TABLES[0]}, or train/ and test/ with emotion folders"
        )
    train, held_back = hold_back(train, seed)
    parts = train, held_back, test
    return face_set("FER2013", parts, names, LICENCE, unusable, NATIVE_LABELS, reader.notes)


def _table(path: Path) -> Root | None:
    if path.is_file() and not zipfile.is_zipfile(path):
        return path
    root = find_root(path, (), lambda folder: _table_in(folder) is not None)
    return None if root is None else _table_in(root)


def _table_in(folder: Root) -> Root | None:
    return next((table for name in TABLES if (table := folder / name).is_file()), None)


def _folders(path: Path) -> tuple[Root, Root] | None:
    """Returns the folders of the training and the test pictures."""
    root = find_root(path, (), lambda folder: _splits_in(folder) is not None)
    return None if root is None else _splits_in(root)


def _splits_in(folder: Root) -> tuple[Root, Root] | None:
    inside = {one.name.lower(): one for one in children(folder) if one.is_dir()}
    train = inside.get(TRAIN)
    if train is None or not _has_its_names(train):
        return None
    test = next((inside[name] for name in TESTS if name in inside), folder / TESTS[0])
    return train, test


def _has_its_names(folder: Root) -> bool:
    files = (file for emotion, _ in label_folders(folder) for file in children(emotion))
    return any(PICTURE.fullmatch(Path(file.name).stem) for file in files)


def _read_table(file: Root, unusable: list[str]) -> dict[str, Samples]:
    rows: dict[str, list[tuple[str, Pixels, str]]] = {
        "Training": [],
        "PublicTest": [],
        "PrivateTest": [],
    }
    for location, row in read_table(file, COLUMNS, unusable=unusable):
        try:
            picture = np.array(row["pixels"].split(), np.uint8).reshape(SIDE, SIDE)
            label = NATIVE_LABELS[int(row["emotion"])]
            name = f"row {location.rpartition(':')[2]}"
            rows[row["Usage"].strip()].append((label, picture, name))
        except (ValueError, IndexError, KeyError, OverflowError):
            unusable.append(f"{location}: not emotion, {SIDE * SIDE} pixels and usage")
    for usage in ("Training", "PublicTest"):
        if not rows[usage]:
            raise DatasetError(f"{file}: no usable row with the usage {usage}")
    return {
        usage: Samples(
            LABELS,
            [picture for _, picture, _ in found],
            one_hot([label for label, _, _ in found]),
            tuple(name for _, _, name in found),
        )
        for usage, found in rows.items()
    }
