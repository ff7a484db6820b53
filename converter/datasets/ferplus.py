"""FER+: the FER2013 pictures with ten annotators' votes each (Barsoum et al. 2016).

Reads the published layout, a folder or a zip of it: FER2013Train/ and FER2013Valid/, each with
label.csv and 48x48 grey PNGs. https://github.com/microsoft/FERPlus
A table fer2013_labels.csv beside them (image, emotion 0..6) adds the original label of each, which
then takes part in the training targets.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from converter.datasets import fer2013
from converter.datasets.files import Root, find_root, first_reason
from converter.datasets.pictures import LABELS, face_set, one_hot, read_picture
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, hold_back
from converter.datasets.tables import read_rows, read_table

LICENCE = "research use only (the pictures of FER2013); votes of FER+ under MIT"
COLUMNS = 2 + len(LABELS) + 2  # file, box, one column per label, unknown, not a face
SPLITS = ("FER2013Train", "FER2013Valid")
ORIGINAL = "fer2013_labels.csv"
ORIGINAL_SHARE = 0.15
"""Share of a training target that is the original label of FER2013; the rest are the votes.

Voters called restrained anger, fear and disgust *neutral*. On four sets that it had not seen, a
network's answers by the original labels, alone or pooled with those by the votes, had the better
mean recall, by 2 to 5 points.
"""


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all((folder / split / "label.csv").exists() for split in SPLITS)

    return find_root(path, ("FERPlus",), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` is FER+ in its published layout."""
    return _root(path) is not None


def _read_original(root: Root) -> dict[str, int]:
    """Returns the number of each picture's label in FER2013; empty if the table is missing."""
    file = root / ORIGINAL
    if not file.exists():
        return {}
    try:
        rows = read_table(file, ("image", "emotion"))
        labels = {row["image"]: int(row["emotion"]) for _, row in rows}
    except ValueError as error:
        raise DatasetError(
            f"{file}: expected the columns image and emotion, a number ({error})"
        ) from error
    wrong = [
        image for image, label in labels.items() if not 0 <= label < len(fer2013.NATIVE_LABELS)
    ]
    if wrong:
        raise DatasetError(f"{file}: {wrong[0]} has the emotion {labels[wrong[0]]}, not 0..6")
    return labels


def _read_split(folder: Root, original: dict[str, int], unusable: list[str]) -> Samples:
    pictures, targets, names = [], [], []
    for found in read_rows(folder / "label.csv", columns=COLUMNS):
        row = found.values
        if len(row) != COLUMNS:
            unusable.append(f"{found.location}: {len(row)} columns instead of {COLUMNS}: {row[:2]}")
            continue
        try:
            votes = np.array(row[2:], np.float32)
        except ValueError:
            unusable.append(f"{folder.name}/{row[0]}: votes are not numbers")
            continue
        votes[votes <= 1] = 0  # a single vote among ten is noise (Barsoum et al., section 3)
        emotions = votes[: len(LABELS)]
        if emotions.sum() == 0 or votes.argmax() >= len(LABELS):
            if row[0] not in original:
                unusable.append(f"{folder.name}/{row[0]}: no emotion has the majority")
                continue
            emotions = np.zeros_like(emotions)
        picture = read_picture(folder / row[0])
        if isinstance(picture, str):
            unusable.append(f"{folder.name}/{row[0]}: {picture}")
            continue
        pictures.append(picture)
        targets.append(emotions / max(emotions.sum(), 1))
        names.append(row[0])
    if not pictures:
        raise DatasetError(f"{folder}: no usable picture in it{first_reason(unusable)}")
    return Samples(LABELS, pictures, np.stack(targets), tuple(names))


def _reconciled(samples: Samples, original: dict[str, int]) -> Samples:
    """Returns the samples with the original labels in their targets."""
    known = [row for row, name in enumerate(samples.groups) if name in original]
    labels = one_hot([fer2013.NATIVE_LABELS[original[samples.groups[row]]] for row in known])
    votes = samples.targets[known]
    shares = np.where(votes.any(axis=1, keepdims=True), ORIGINAL_SHARE, 1)
    targets = samples.targets.copy()
    targets[known] = (1 - shares) * votes + shares * labels
    return replace(samples, targets=targets)


def load(path: Path, seed: int = 0) -> Splits:
    """Loads FER+ as vote distributions; a tenth of the training pictures is held back.

    The targets of the training pictures hold the original labels as well, if their table is there.
    Raises DatasetError if `path` does not have the published layout.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: FER2013Train/label.csv or FER2013Valid/label.csv is missing; "
            "expected the published layout of FER+"
        )
    unusable: list[str] = []
    original = _read_original(root)
    train, test = (_read_split(root / split, original, unusable) for split in SPLITS)
    train, held_back = hold_back(train, seed)
    parts = _reconciled(train, original), held_back, test
    return face_set("FER+", parts, SPLITS, LICENCE, unusable, LABELS)
