"""ExpW: faces found by web search engines, one of seven expressions each (Zhang et al. 2018).

Reads label/label.lst, with a line `NAME.jpg FACE TOP LEFT RIGHT BOTTOM CONFIDENCE EXPRESSION` for
each face, and the pictures in image/origin/. Faces of one picture are in the same split, which is
chosen by the hash of its name: ExpW is published without splits.

Get it at http://mmlab.ie.cuhk.edu.hk/projects/socialrelation. For non-commercial research only.
"""

from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.files import Root, find_root, first_reason, read_text
from converter.datasets.pictures import LABELS, PictureReader, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, tenth_of
from edge.perception.features import Pixels

DATASET = "ExpW"
LICENCE = "non-commercial research only (ExpW)"
TABLES = ("label/label.lst", "label.lst")
IMAGES = ("image/origin", "origin", "image")
EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""In the order of their numbers."""
COLUMNS = 8
NAMES = ("without two tenths by hash", "a tenth by hash")


def _table(root: Root) -> Root | None:
    return next((root / name for name in TABLES if (root / name).is_file()), None)


def _root(path: Path) -> Root | None:
    return find_root(path, (), lambda folder: _table(folder) is not None)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has the table of labels."""
    return _root(path) is not None


def load(path: Path) -> Splits:
    """Loads the faces, split by picture. Raises DatasetError."""
    root = _root(path) or path
    table = _table(root)
    if table is None:
        raise DatasetError(f"{path}: expected {TABLES[0]} in it")
    images = next((root / name for name in IMAGES if (root / name).is_dir()), root)
    reader, unusable = PictureReader(), list[str]()
    pictures, labels, names = list[Pixels](), list[str](), list[str]()
    lines = [line.split() for line in read_text(table).splitlines()]
    for number, row in track(list(enumerate(lines, 1)), f"{DATASET}, reading", transient=True):
        if not row:
            continue
        try:
            name, _, top, left, right, bottom, _, expression = row
            box = int(left), int(top), int(right) - int(left), int(bottom) - int(top)
            label = EXPRESSIONS[int(expression)]
        except (ValueError, IndexError):
            unusable.append(f"{table}:{number}: not a face with its box and one of 0 to 6")
            continue
        picture = reader.read(images / name, box)
        if isinstance(picture, str):
            unusable.append(f"{table}:{number}: {name}: {picture}")
            continue
        pictures.append(picture)
        labels.append(label)
        names.append(name)
    if not pictures:
        raise DatasetError(f"{path}: no usable face{first_reason(unusable)}")
    samples = Samples(LABELS, pictures, one_hot(labels), tuple(names))
    tenths = np.array([tenth_of(name) for name in names])
    train, held_back, test = (
        samples.subset(np.flatnonzero(rows)) for rows in (tenths > 1, tenths == 1, tenths == 0)
    )
    parts = train, held_back, test
    return face_set(DATASET, parts, NAMES, LICENCE, unusable, EXPRESSIONS, reader.notes)
