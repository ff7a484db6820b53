"""RAF-DB: faces from the web, labelled by forty annotators each (Li et al. 2017), basic emotions.

Reads the published layout, a folder or a zip of it: basic/ with EmoLabel/list_patition_label.txt
and the pictures in Image/aligned/. Not to be redistributed. http://www.whdeld.cn/RAF/model1.html
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from converter.datasets.files import Root, find_root, read_text
from converter.datasets.pictures import LABELS, PictureReader, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, hold_back
from edge.perception.features import Pixels

LICENCE = "non-commercial research use only, no redistribution (RAF-DB)"
TABLE = "EmoLabel/list_patition_label.txt"  # as published
PICTURES = "Image/aligned"
NATIVE_LABELS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""The labels of the numbers 1 to 7."""
TEST, TENTH = "test", "a tenth by hash"
"""The test split: the published one, or a tenth of the pictures where that one is missing."""


def _root(path: Path) -> Root | None:
    return find_root(path, ("basic",), lambda folder: (folder / TABLE).exists())


def matches(path: Path) -> bool:
    """Returns True if `path` is the basic part of RAF-DB in its published layout."""
    return _root(path) is not None


def load(path: Path, seed: int = 0) -> Splits:
    """Loads the aligned pictures; a tenth of the training pictures is held back.

    A copy without the official test pictures is tested on a tenth of the others, chosen by the hash
    of each picture's file. Raises DatasetError.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: {TABLE} is missing; expected the published layout of RAF-DB")
    unusable: list[str] = []
    reader = PictureReader()
    found = list(_read(root, reader, unusable))
    if not found:
        raise DatasetError(f"{path}: no picture of {TABLE} is in {PICTURES}")
    names, pictures = [name for name, _, _ in found], [picture for _, picture, _ in found]
    everything = Samples(LABELS, pictures, one_hot([label for *_, label in found]), tuple(names))
    split, is_test = TEST, np.array([name.startswith("test") for name in names])
    if not is_test.any():
        split, is_test = TENTH, np.array([_is_in_tenth(root, name) for name in names])
    test = everything.subset(np.flatnonzero(is_test))
    train, held_back = hold_back(everything.subset(np.flatnonzero(~is_test)), seed)
    trained = "train" if split == TEST else f"train without {TENTH}"
    return Splits(
        ("RAF-DB",),
        train,
        held_back,
        test,
        (trained,),
        split,
        LICENCE,
        tuple(unusable),
        notes=reader.notes,
    )


def _read(
    root: Root, reader: PictureReader, unusable: list[str]
) -> Iterator[tuple[str, Pixels, str]]:
    """Yields name, picture and label of each row of the table that can be used."""
    listed = set()
    for number, line in enumerate(read_text(root / TABLE).splitlines(), 1):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in map(str, range(1, len(NATIVE_LABELS) + 1)):
            if fields:
                unusable.append(f"{TABLE}:{number}: expected a picture and a label from 1 to 7")
            continue
        name = Path(fields[0])
        file = _picture_file(root, name.name)
        listed.add(file.name)
        picture = reader.read(file)
        if isinstance(picture, str):
            unusable.append(f"{file.name}: {picture}")
            continue
        yield name.name, picture, NATIVE_LABELS[int(fields[1]) - 1]
    folder = root / PICTURES
    present = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    unusable += [f"{name}: not in {TABLE}" for name in sorted(present - listed)]


def _picture_file(root: Root, name: str) -> Root:
    return root / PICTURES / f"{Path(name).stem}_aligned{Path(name).suffix}"


def _is_in_tenth(root: Root, name: str) -> bool:
    digest = hashlib.sha256(_picture_file(root, name).read_bytes()).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0
