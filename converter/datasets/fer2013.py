"""FER2013 with its original labels (Goodfellow et al. 2013): fer2013.csv, or one folder per label.

The table has the columns emotion, pixels and Usage. The folders, train/angry/… and test/angry/…,
are another common form of the same set.
"""

import csv
import zipfile
from pathlib import Path

import numpy as np

from converter.datasets.files import Root, find_root
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

LICENCE = "research use only (FER2013)"
TABLE = "fer2013.csv"
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
    elif (root := _folders(path)) is not None:
        names = "train", "test"
        train, test = (read_folders(root / name, unusable, reader) for name in names)
    else:
        raise DatasetError(f"{path}: expected {TABLE}, or train/ and test/ with emotion folders")
    train, held_back = hold_back(train, seed)
    parts = train, held_back, test
    return face_set("FER2013", parts, names, LICENCE, unusable, NATIVE_LABELS, reader.notes)


def _table(path: Path) -> Path | None:
    table = path / TABLE if path.is_dir() else path
    return table if table.is_file() and not zipfile.is_zipfile(table) else None


def _folders(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return bool(label_folders(folder / "train")) and not (folder / "val").exists()

    return find_root(path, (), holds)


def _read_table(file: Path, unusable: list[str]) -> dict[str, Samples]:
    rows: dict[str, list[tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]], str]]] = {
        "Training": [],
        "PublicTest": [],
        "PrivateTest": [],
    }
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            table = csv.DictReader(lines)
            if not {"emotion", "pixels", "Usage"} <= set(table.fieldnames or ()):
                raise DatasetError(f"{file}: expected the columns emotion, pixels and Usage")
            for number, row in enumerate(table, 2):
                try:
                    picture = np.array(row["pixels"].split(), np.uint8).reshape(SIDE, SIDE)
                    label = NATIVE_LABELS[int(row["emotion"])]
                    rows[row["Usage"]].append((label, picture, f"row {number}"))
                except (ValueError, IndexError, KeyError, OverflowError, AttributeError):
                    unusable.append(f"{file}:{number}: not emotion, {SIDE * SIDE} pixels and usage")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: cannot be read ({error})") from error
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
