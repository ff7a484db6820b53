"""RAF-DB: faces from the web, labelled by forty annotators each (Li et al. 2017), basic emotions.

Reads the published layout, a folder or a zip of it: basic/ with EmoLabel/list_patition_label.txt
and the pictures in Image/aligned/. Not to be redistributed. http://www.whdeld.cn/RAF/model1.html
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.datasets.files import (
    Root,
    children,
    find_root,
    first_reason,
    name_some,
    read_bytes,
    read_text,
)
from converter.datasets.pictures import LABELS, PictureReader, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, hold_back
from edge.perception.features import Pixels

LICENCE = "non-commercial research use only, no redistribution (RAF-DB)"
TABLE = "EmoLabel/list_patition_label.txt"  # as published
PICTURES = "Image/aligned"
NATIVE_LABELS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""The labels of the numbers 1 to 7."""
PUBLISHED = "train", "test"
"""The published splits; the names of pictures start with them."""
BY_HASH = "train without a tenth by hash", "a tenth by hash"
"""The splits of a copy without the published test pictures."""


@dataclass(frozen=True)
class _Row:
    """A row of the table with its picture."""

    name: str
    label: str
    pixels: Pixels
    is_in_tenth: bool


def _root(path: Path) -> Root | None:
    return find_root(path, ("basic",), lambda folder: (folder / TABLE).exists())


def matches(path: Path) -> bool:
    """Returns True if `path` is the basic part of RAF-DB in its published layout."""
    return _root(path) is not None


def load(path: Path, seed: int = 0) -> Splits:
    """Loads the aligned pictures; a tenth of the training pictures is held back.

    A copy without the published test pictures is tested on a tenth of the others, chosen by the
    hash of each file. Raises DatasetError.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: {TABLE} is missing; expected the published layout of RAF-DB")
    reader = PictureReader()
    unusable: list[str] = []
    notes: list[str] = []
    present = _find_pictures(root, _read_labels(root, unusable), unusable, notes)
    rows = list(_read_pictures(present, reader, unusable))
    if not rows:
        reason = first_reason(unusable)
        raise DatasetError(f"{path}: no usable picture of {TABLE} in {PICTURES}{reason}")
    everything = Samples(
        LABELS,
        [row.pixels for row in rows],
        one_hot([row.label for row in rows]),
        tuple(row.name for row in rows),
    )
    is_test, names = np.array([row.name.startswith(PUBLISHED[1]) for row in rows]), PUBLISHED
    if not is_test.any():
        is_test, names = np.array([row.is_in_tenth for row in rows]), BY_HASH
    test = everything.subset(np.flatnonzero(is_test))
    train, held_back = hold_back(everything.subset(np.flatnonzero(~is_test)), seed)
    parts = train, held_back, test
    notes += reader.notes
    return face_set("RAF-DB", parts, names, LICENCE, unusable, NATIVE_LABELS, notes)


def _read_labels(root: Root, unusable: list[str]) -> dict[str, str | None]:
    """Returns the label of each picture in the table, or None if it is wrong."""
    labels: dict[str, str | None] = {}
    numbers = {str(number): label for number, label in enumerate(NATIVE_LABELS, 1)}
    for row, fields in enumerate(map(str.split, read_text(root / TABLE).splitlines()), 1):
        if not fields:
            continue
        name = Path(fields[0]).name
        labels[name] = numbers.get(fields[1]) if len(fields) == 2 else None
        if labels[name] is None:
            unusable.append(f"{TABLE}:{row}: expected a picture and a label from 1 to 7")
    return labels


def _find_pictures(
    root: Root, labels: Mapping[str, str | None], unusable: list[str], notes: list[str]
) -> list[tuple[Root, str, str]]:
    """Returns the file, name and label of each picture that is there.

    Single missing pictures are added to `unusable`. Missing splits and pictures that the table
    lacks may be thousands: they are counted in `notes`. Raises DatasetError if the pictures are
    still packed.
    """
    present = {one.name: one for one in children(root / PICTURES)}
    packed = root / f"{PICTURES}.zip"
    if not present and packed.exists():
        raise DatasetError(f"{packed}: the pictures are still packed; unpack it")
    files = {name: f"{Path(name).stem}_aligned{Path(name).suffix}" for name in labels}
    for split in sorted({name.split("_")[0] for name in files}):
        of_split = [file for name, file in files.items() if name.split("_")[0] == split]
        missing = [file for file in of_split if file not in present]
        if len(missing) > 1 and len(missing) == len(of_split):
            notes.append(f"all {len(missing)} {split} pictures of {TABLE} are missing")
        else:
            unusable += [f"{file}: missing" for file in missing]
    if strangers := sorted(set(present) - set(files.values())):
        notes.append(f"{len(strangers)} pictures left out, not in {TABLE}: {name_some(strangers)}")
    return [
        (present[files[name]], name, label)
        for name, label in labels.items()
        if label is not None and files[name] in present
    ]


def _read_pictures(
    present: list[tuple[Root, str, str]], reader: PictureReader, unusable: list[str]
) -> Iterator[_Row]:
    for file, name, label in present:
        data = read_bytes(file)
        pixels = data if isinstance(data, str) else reader.decode(data)
        if isinstance(pixels, str) or isinstance(data, str):
            unusable.append(f"{file.name}: {pixels}")
            continue
        yield _Row(name, label, pixels, _is_in_tenth(data))


def _is_in_tenth(file: bytes) -> bool:
    return int.from_bytes(hashlib.sha256(file).digest()[:8], "big") % 10 == 0
