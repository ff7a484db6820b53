"""EmpatheticDialogues: people describe when they felt one of 32 emotions (Rashkin et al. 2019).

Reads train.csv, valid.csv and test.csv with the columns conv_id, context and prompt: the emotion,
and the description, in which commas are written `_comma_`. Each description counts once. Emotions
are grouped as GoEmotions groups them; those that belong to no group are left out.

https://github.com/facebookresearch/EmpatheticDialogues
"""

from collections import Counter
from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import has_columns, read_table
from converter.datasets.texts import Row, Texts, split_as_published

DATASET = "EmpatheticDialogues"
LICENCE = "CC BY-NC 4.0 (EmpatheticDialogues)"
SPLITS = ("train", "valid", "test")
COLUMNS = ("conv_id", "context", "prompt")
COMMA = "_comma_"
GROUPS = {
    "anger": ("angry", "annoyed", "furious"),
    "disgust": ("disgusted",),
    "fear": ("afraid", "anxious", "apprehensive", "terrified"),
    "joy": (
        "caring",
        "content",
        "excited",
        "grateful",
        "hopeful",
        "impressed",
        "joyful",
        "proud",
    ),
    "sadness": (
        "ashamed",
        "devastated",
        "disappointed",
        "embarrassed",
        "guilty",
        "lonely",
        "sad",
    ),
    "surprise": ("surprised",),
}
LABEL = {emotion: label for label, emotions in GROUPS.items() for emotion in emotions}


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all(has_columns(folder / f"{split}.csv", COLUMNS) for split in SPLITS)

    return find_root(path, ("empatheticdialogues",), holds)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has the three tables."""
    return _root(path) is not None


def load(path: Path) -> list[Texts]:
    """Loads the descriptions; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected train.csv, valid.csv and test.csv with {COLUMNS}")
    unusable, lost = list[str](), Counter[str]()
    rows = {split: _read(root / f"{split}.csv", unusable, lost) for split in SPLITS}
    unusable += [f"{count} descriptions of {name}" for name, count in sorted(lost.items())]
    return [split_as_published(DATASET, LICENCE, tuple(GROUPS), rows, unusable)]


def _read(file: Root, unusable: list[str], lost: Counter[str]) -> list[Row]:
    rows, seen = [], set()
    for where, row in read_table(file, COLUMNS, ",", quoted=False, unusable=unusable):
        if row["conv_id"] in seen:
            continue
        seen.add(row["conv_id"])
        emotion = row["context"].strip().lower()
        if emotion not in LABEL:
            lost[emotion] += 1
            continue
        rows.append(Row(where, row["prompt"].replace(COMMA, ","), (LABEL[emotion],)))
    return rows
