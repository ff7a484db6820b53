"""EmotionLines: dialogues of a television series and of a messenger (Chen et al. 2018).

Reads friends_train.json, friends_dev.json and friends_test.json, and as many called emotionpush_…:
lists of dialogues, each a list of turns with `utterance` and `emotion`. Turns on which annotators
did not agree, *non-neutral*, are left out.

Ask for it at http://doraemon.iis.sinica.edu.tw/emotionlines. For research only.
"""

import json
from collections import Counter
from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table_text
from converter.datasets.texts import EKMAN, LABEL_OF, Row, Texts, split_as_published

DATASET = "EmotionLines"
LICENCE = "research only, on request (EmotionLines)"
PARTS = {"Friends": "friends", "EmotionPush": "emotionpush"}
SPLITS = ("train", "dev", "test")


def _files(folder: Root, part: str) -> dict[str, Root]:
    """Returns the file of each split of a part; empty if one is missing."""
    places = (folder, folder / part)
    for place in places:
        found = {split: place / f"{PARTS[part]}_{split}.json" for split in SPLITS}
        if all(file.is_file() for file in found.values()):
            return found
    return {}


def _root(path: Path) -> Root | None:
    return find_root(path, (), lambda folder: any(_files(folder, part) for part in PARTS))


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has the splits of a part."""
    return _root(path) is not None


def load(path: Path) -> list[Texts]:
    """Loads each part as a data set of its own; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected friends_train.json, …_dev.json and …_test.json in it")
    return [_load(part, files) for part in PARTS if (files := _files(root, part))]


def _load(part: str, files: dict[str, Root]) -> Texts:
    lost: Counter[str] = Counter()
    rows = {split: _read(file, lost) for split, file in files.items()}
    unusable = [f"{part}: {count} turns that are {name}" for name, count in lost.items()]
    return split_as_published(DATASET, LICENCE, EKMAN, rows, unusable, part)


def _read(file: Root, lost: Counter[str]) -> list[Row]:
    rows = []
    try:
        for number, dialogue in enumerate(json.loads(read_table_text(file)), 1):
            for turn, one in enumerate(dialogue, 1):
                emotion = one["emotion"].strip().lower()
                if emotion not in LABEL_OF:
                    lost[emotion] += 1
                    continue
                where = f"{file}: dialogue {number}, turn {turn}"
                rows.append(Row(where, one["utterance"], (LABEL_OF[emotion],)))
    except (json.JSONDecodeError, AttributeError, LookupError, TypeError) as error:
        raise DatasetError(
            f"{file}: not dialogues of turns with `utterance` and `emotion` ({error!r})"
        ) from error
    return rows
