"""Own face pictures, crops or photographs: train/EMOTION/…, val/EMOTION/… and test/EMOTION/…."""

from pathlib import Path

from converter.datasets.files import Root, find_root, name_of
from converter.datasets.photographs import PhotographReader
from converter.datasets.pictures import face_set, label_folders, read_folders
from converter.datasets.samples import DatasetError
from converter.datasets.splits import Splits

LICENCE = "that of your own data"
SPLITS = ("train", "val", "test")


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all(label_folders(folder / split) for split in SPLITS)

    return find_root(path, (), holds)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has the three splits."""
    return _root(path) is not None


def load(path: Path) -> Splits:
    """Loads the pictures with the splits of their folders. Raises DatasetError.

    The face of a whole photograph is found and cropped as on the device.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected {'/, '.join(SPLITS)}/ with one folder per emotion")
    unusable: list[str] = []
    reader = PhotographReader()
    train, held_back, test = (read_folders(root / one, unusable, reader) for one in SPLITS)
    names = SPLITS[0], SPLITS[2]
    parts = train, held_back, test
    return face_set(name_of(path), parts, names, LICENCE, unusable, notes=reader.notes)
