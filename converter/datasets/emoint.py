"""EmoInt 2017: English tweets of one emotion and its intensity (Mohammad and Bravo-Marquez 2017).

Reads the published tables of anger, fear, joy and sadness, named anger-ratings-0to1.train.txt and
so on: `id<TAB>tweet<TAB>emotion<TAB>intensity`. Tweets of little intensity are left out: their
emotion is only the one whose words they were searched by.
https://saifmohammad.com/WebPages/EmotionIntensity-SharedTask.html
"""

from pathlib import Path

from converter.datasets.files import Root, children, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_rows
from converter.datasets.texts import Row, Texts, split_as_published

LICENCE = "research use (EmoInt 2017)"
SPLITS = {"train": "train", "dev": "dev.gold"}
LABELS = ("anger", "fear", "joy", "sadness")
MIN_INTENSITY = 0.4


def _tables(folder: Root, split: str) -> list[Root]:
    starts = tuple(f"{label}-ratings-0to1.{SPLITS[split]}" for label in LABELS)
    return [one for one in children(folder) if one.name.startswith(starts)]


def _root(path: Path) -> Root | None:
    return find_root(path, ("EmoInt",), lambda folder: all(_tables(folder, one) for one in SPLITS))


def matches(path: Path) -> bool:
    """Returns True if `path` has tables of both splits."""
    return _root(path) is not None


def _read(file: Root, unusable: list[str]) -> list[Row]:
    rows, weak = [], 0
    for row in read_rows(file, "\t", quoted=False):
        try:
            _, tweet, label, intensity = row.values
            degree = float(intensity)
        except ValueError:
            unusable.append(f"{row.location}: not id, tweet, emotion and intensity")
            continue
        if degree < MIN_INTENSITY:
            weak += 1
        else:
            rows.append(Row(row.location, tweet, (label,) if label in LABELS else ()))
    if weak:
        unusable.append(f"{file}: {weak} tweets of an intensity below {MIN_INTENSITY}")
    return rows


def load(path: Path) -> list[Texts]:
    """Loads the tweets of all four emotions; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected anger-ratings-0to1.train.txt and so on in it")
    unusable: list[str] = []
    rows = {
        split: [row for file in _tables(root, split) for row in _read(file, unusable)]
        for split in SPLITS
    }
    return [split_as_published("EmoInt", LICENCE, LABELS, rows, unusable)]
