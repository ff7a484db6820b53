"""FER+: the FER2013 pictures with ten annotators' votes each (Barsoum et al. 2016).

Reads the published layout, a folder or a zip of it: FER2013Train/ and FER2013Valid/, each with
label.csv and 48x48 grey PNGs. https://github.com/microsoft/FERPlus
"""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from converter.datasets.pictures import LABELS, decode
from converter.samples import DatasetError, Samples, Splits, hold_back

LICENCE = "research use only (the pictures of FER2013); votes of FER+ under MIT"
COLUMNS = 2 + len(LABELS) + 2  # file, box, one column per label, unknown, not a face
SPLITS = ("FER2013Train", "FER2013Valid")
Root = Path | zipfile.Path


def _root(path: Path) -> Root | None:
    """The folder that holds the splits, inside a zip or not; None where there is none."""
    archive: Root = path
    if path.is_file():
        if not zipfile.is_zipfile(path):
            return None
        archive = zipfile.Path(zipfile.ZipFile(path))
    for candidate in (archive, archive / "FERPlus"):
        if all((candidate / split / "label.csv").exists() for split in SPLITS):
            return candidate
    return None


def is_here(path: Path) -> bool:
    """Whether `path` is FER+ in its published layout."""
    return _root(path) is not None


def _read_split(folder: Root, unusable: list[str]) -> Samples:
    pictures, targets, names = [], [], []
    text = (folder / "label.csv").read_text(encoding="utf-8")
    for row in csv.reader(io.StringIO(text)):
        if len(row) != COLUMNS:
            unusable.append(f"{folder.name}/label.csv: a row has {len(row)} columns: {row[:2]}")
            continue
        try:
            votes = np.array(row[2:], np.float32)
        except ValueError:
            unusable.append(f"{folder.name}/{row[0]}: votes are not numbers")
            continue
        votes[votes <= 1] = 0  # a single vote among ten is noise (Barsoum et al., section 3)
        emotions = votes[: len(LABELS)]
        if emotions.sum() == 0 or votes.argmax() >= len(LABELS):
            unusable.append(f"{folder.name}/{row[0]}: no emotion has the majority")
            continue
        try:
            data = (folder / row[0]).read_bytes()
        except (OSError, KeyError):
            unusable.append(f"{folder.name}/{row[0]}: missing")
            continue
        picture = decode(data)
        if picture is None:
            unusable.append(f"{folder.name}/{row[0]}: not a readable picture")
            continue
        pictures.append(picture)
        targets.append(emotions / emotions.sum())
        names.append(row[0])
    if not pictures:
        raise DatasetError(f"{folder}: no usable picture in it")
    return Samples(LABELS, pictures, np.stack(targets), tuple(names))


def load(path: Path, seed: int = 0) -> Splits:
    """FER+ as vote distributions; a tenth of the training pictures is held back.

    Raises DatasetError where `path` does not have the published layout.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: no FER2013Train/label.csv and FER2013Valid/label.csv in it; "
            "expected the published layout of FER+"
        )
    unusable: list[str] = []
    train, held_back = hold_back(_read_split(root / "FER2013Train", unusable), seed)
    test = _read_split(root / "FER2013Valid", unusable)
    return Splits("FER+", train, held_back, test, *SPLITS, LICENCE, tuple(unusable))
