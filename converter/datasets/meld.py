"""MELD: utterances of a television series, one emotion each (Poria et al. 2019).

Reads the published CSVs train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv with their
columns Utterance and Emotion. https://github.com/declare-lab/MELD
"""

from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table
from converter.datasets.texts import EKMAN, LABEL_OF, Row, Texts, split_as_published

LICENCE = "GPL-3.0 (MELD); the utterances are of a television series"
SPLITS = ("train", "dev", "test")
COLUMNS = ("Utterance", "Emotion")


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all((folder / f"{split}_sent_emo.csv").is_file() for split in SPLITS)

    return find_root(path, ("data/MELD", "MELD"), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has the three tables."""
    return _root(path) is not None


def _read(file: Root, unusable: list[str]) -> list[Row]:
    return [
        Row(location, row["Utterance"], (label,) if label else ())
        for location, row in read_table(file, COLUMNS, unusable=unusable)
        for label in [LABEL_OF.get(row["Emotion"].strip().lower())]
    ]


def load(path: Path) -> list[Texts]:
    """Loads MELD; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: expected all of {', '.join(f'{one}_sent_emo.csv' for one in SPLITS)} in it"
        )
    unusable: list[str] = []
    rows = {split: _read(root / f"{split}_sent_emo.csv", unusable) for split in SPLITS}
    return [split_as_published("MELD", LICENCE, EKMAN, rows, unusable)]
