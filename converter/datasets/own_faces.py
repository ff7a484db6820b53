"""Own face pictures: train/EMOTION/…, val/EMOTION/… and test/EMOTION/…."""

from pathlib import Path

from converter.datasets.pictures import label_folders, read_folders
from converter.datasets.splits import Splits

LICENCE = "that of your own data"
SPLITS = ("train", "val", "test")


def matches(path: Path) -> bool:
    """Returns True if `path` has the three splits with emotion folders."""
    return all(label_folders(path / split) for split in SPLITS)


def load(path: Path) -> Splits:
    """Loads the pictures with the splits of their folders. Raises DatasetError."""
    unusable: list[str] = []
    train, held_back, test = (read_folders(path / split, unusable) for split in SPLITS)
    return Splits(path.name, train, held_back, test, "train", "test", LICENCE, tuple(unusable))
