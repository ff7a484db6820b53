"""SemEval-2018 Task 1 E-c: English tweets with any number of emotions (Mohammad et al. 2018).

Reads the published tables, `ID<TAB>Tweet` and a column of 0 or 1 for each of eleven emotions, named
2018-E-c-En-train.txt and so on, with or without the year. A tweet of no emotion at all is neutral;
one of anticipation or trust alone is left out. https://competitions.codalab.org/competitions/17751
"""

from pathlib import Path

from converter.datasets.files import Root, children, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table
from converter.datasets.texts import EKMAN, Row, Texts, split_as_published

LICENCE = "research use (SemEval-2018 Task 1)"
SPLITS = ("train", "dev")
LABEL_BY_COLUMN = {
    "anger": "anger",
    "anticipation": None,
    "disgust": "disgust",
    "fear": "fear",
    "joy": "joy",
    "love": "joy",
    "optimism": "joy",
    "pessimism": "sadness",
    "sadness": "sadness",
    "surprise": "surprise",
    "trust": None,
}


def _table(folder: Root, split: str) -> Root | None:
    end = f"E-c-En-{split}.txt"
    return next((one for one in children(folder) if one.name.endswith(end)), None)


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all(_table(folder, split) is not None for split in SPLITS)

    return find_root(path, ("English/E-c", "E-c"), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has both tables."""
    return _root(path) is not None


def _read(file: Root, unusable: list[str]) -> list[Row]:
    rows = []
    columns = ("Tweet", *LABEL_BY_COLUMN)
    for location, row in read_table(file, columns, "\t", quoted=False, unusable=unusable):
        if not {row[column] for column in LABEL_BY_COLUMN} <= {"0", "1"}:
            unusable.append(f"{location}: an emotion is neither 0 nor 1")
            continue
        chosen = [column for column in LABEL_BY_COLUMN if row[column] == "1"]
        labels = dict.fromkeys(label for one in chosen if (label := LABEL_BY_COLUMN[one]))
        rows.append(Row(location, row["Tweet"], tuple(labels) if chosen else ("neutral",)))
    return rows


def load(path: Path) -> list[Texts]:
    """Loads the tweets; raises DatasetError."""
    root = _root(path)
    files = {split: _table(root, split) if root else None for split in SPLITS}
    unusable: list[str] = []
    rows = {split: _read(file, unusable) for split, file in files.items() if file is not None}
    if len(rows) < len(SPLITS):
        raise DatasetError(f"{path}: expected E-c-En-train.txt and E-c-En-dev.txt in it")
    return [split_as_published("SemEval-2018 E-c", LICENCE, EKMAN, rows, unusable)]
