"""MELD: utterances of a television series, one emotion each (Poria et al. 2019).

Reads the published CSVs train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv with their
columns Utterance and Emotion. https://github.com/declare-lab/MELD
"""

from pathlib import Path

from converter.datasets.files import Root, opened, read_table
from converter.datasets.samples import DatasetError
from converter.datasets.texts import EKMAN, NAMES, Row, Texts, published

LICENCE = "GPL-3.0 (MELD); the utterances are of a television series"
SPLITS = ("train", "dev", "test")
COLUMNS = ("Utterance", "Emotion")


def _root(path: Path) -> Root | None:
    archive = opened(path)
    for candidate in (archive, archive / "data" / "MELD", archive / "MELD"):
        if all((candidate / f"{split}_sent_emo.csv").is_file() for split in SPLITS):
            return candidate
    return None


def is_here(path: Path) -> bool:
    """Whether `path` has the three tables."""
    return _root(path) is not None


def _read(file: Root) -> list[Row]:
    return [
        Row(where, row["Utterance"], (label,) if label else ())
        for where, row in read_table(file, COLUMNS)
        for label in [NAMES.get(row["Emotion"].strip().lower())]
    ]


def load(path: Path) -> list[Texts]:
    """MELD; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: not all of {', '.join(f'{one}_sent_emo.csv' for one in SPLITS)}"
        )
    rows = {split: _read(root / f"{split}_sent_emo.csv") for split in SPLITS}
    return [published("MELD", LICENCE, EKMAN, rows)]
