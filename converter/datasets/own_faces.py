"""Own face pictures, crops or photographs: train/EMOTION/…, val/EMOTION/… and test/EMOTION/…."""

from pathlib import Path

from converter.datasets.photographs import PhotographReader
from converter.datasets.pictures import label_folders, read_folders
from converter.datasets.splits import Splits

LICENCE = "that of your own data"
SPLITS = ("train", "val", "test")


def matches(path: Path) -> bool:
    """Returns True if `path` has the three splits with emotion folders."""
    return all(label_folders(path / split) for split in SPLITS)


def load(path: Path) -> Splits:
    """Loads the pictures with the splits of their folders. Raises DatasetError.

    The face of a whole photograph is found and cropped as on the device.
    """
    unusable: list[str] = []
    reader = PhotographReader()
    parts = [read_folders(path / split, unusable, reader.read) for split in SPLITS]
    train, held_back, test = parts
    crops = f"{reader.cropped} whole photographs, cropped to their largest face"
    notes = (crops,) if reader.cropped else ()
    names = SPLITS[0], SPLITS[2]
    return Splits(path.name, train, held_back, test, *names, LICENCE, tuple(unusable), notes=notes)
