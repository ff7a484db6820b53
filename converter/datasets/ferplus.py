"""FER+: the FER2013 pictures with ten annotators' votes each (Barsoum et al. 2016).

Reads the published layout, a folder or a zip of it: FER2013Train/ and FER2013Valid/, each with
label.csv and 48x48 grey PNGs. https://github.com/microsoft/FERPlus
"""

import csv
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np

from converter.samples import DatasetError, Samples, Splits, hold_back

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
COLUMNS = 2 + len(LABELS) + 2  # file, box, one column per label, unknown, not a face
HELD_BACK_SHARE = 0.1
Root = Path | zipfile.Path


def _root(path: Path) -> Root:
    if path.is_file():
        try:
            archive: Root = zipfile.Path(zipfile.ZipFile(path))
        except zipfile.BadZipFile as error:
            raise DatasetError(f"{path}: not a zip archive ({error})") from error
    else:
        archive = path
    splits = ("FER2013Train", "FER2013Valid")
    for candidate in (archive, archive / "FERPlus"):
        if all((candidate / split / "label.csv").exists() for split in splits):
            return candidate
    raise DatasetError(
        f"{path}: no FER2013Train/label.csv and FER2013Valid/label.csv in it; "
        "expected the published layout of FER+"
    )


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
            data = np.frombuffer((folder / row[0]).read_bytes(), np.uint8)
        except (OSError, KeyError):
            unusable.append(f"{folder.name}/{row[0]}: missing")
            continue
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
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
    unusable: list[str] = []
    train, held_back = hold_back(
        _read_split(root / "FER2013Train", unusable), HELD_BACK_SHARE, seed
    )
    test = _read_split(root / "FER2013Valid", unusable)
    return Splits("FER+", train, held_back, test, "FER2013Train", "FER2013Valid", tuple(unusable))
