"""DailyDialog, as part of RECCON: dialogues with an emotion for each utterance (Poria et al. 2021).

Reads the published files dailydialog_train.json, dailydialog_valid.json and, if it is there,
dailydialog_test.json: for each dialogue a list of utterances with `utterance` and `emotion`. The
spaces that its tokenizer put around punctuation are removed. https://github.com/declare-lab/RECCON
"""

import json
import re
from pathlib import Path

from converter.datasets.files import Root, find_root, read_text
from converter.datasets.samples import DatasetError
from converter.datasets.texts import EKMAN, LABEL_OF, Row, Texts, split_as_published

LICENCE = "CC BY-NC-SA 4.0 (DailyDialog, RECCON)"
SPLITS = ("train", "valid", "test")
LABEL_BY_NAME = {"excited": "joy", **LABEL_OF}
BEFORE = re.compile(r"\s+([.,!?;:%)\]]|n't\b|['\u2019]\s?(?:s|m|re|ve|ll|d|t)\b)")
APOSTROPHE = re.compile(r"(['\u2019])\s+(?=(?:s|m|re|ve|ll|d|t)\b)")


def as_written(utterance: str) -> str:
    """Removes the spaces of a tokenizer before punctuation and inside contractions."""
    return APOSTROPHE.sub(r"\1", BEFORE.sub(r"\1", utterance)).strip()


def _file(folder: Root, split: str) -> Root:
    return folder / f"dailydialog_{split}.json"


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all(_file(folder, split).is_file() for split in SPLITS[:2])

    return find_root(path, ("data/original_annotation",), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has the files of both splits."""
    return _root(path) is not None


def _read(file: Root) -> list[Row]:
    try:
        dialogues = json.loads(read_text(file))
        return [
            _row(f"{file}: {name}, turn {turn}", utterance)
            for name, versions in dialogues.items()
            for turn, utterance in enumerate(versions[0], 1)
        ]
    except (json.JSONDecodeError, AttributeError, LookupError, TypeError) as error:
        raise DatasetError(
            f"{file}: not dialogues of utterances with `utterance` and `emotion` ({error!r})"
        ) from error


def _row(location: str, utterance: dict[str, str]) -> Row:
    label = LABEL_BY_NAME.get(utterance["emotion"].strip().lower())
    return Row(location, as_written(utterance["utterance"]), (label,) if label else ())


def load(path: Path) -> list[Texts]:
    """Loads the utterances; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected dailydialog_train.json and …_valid.json in it")
    found = [split for split in SPLITS if _file(root, split).is_file()]
    rows = {split: _read(_file(root, split)) for split in found}
    return [split_as_published("DailyDialog", LICENCE, EKMAN, rows)]
