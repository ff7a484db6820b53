"""Own texts: a CSV or JSON Lines file, or a folder with such files for train, test and maybe dev.

A CSV has the columns `text` and `label`, a JSON line the same keys. Several labels of one text are
separated by commas, semicolons or `|`, or are a JSON list.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from converter.datasets.files import read_text
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table
from converter.datasets.texts import (
    LABEL_OF,
    LABELS,
    Row,
    Texts,
    split_as_published,
    split_at_random,
)

LICENCE = "that of your own data"
ENDINGS = (".csv", ".jsonl")
BETWEEN = re.compile(r"[,;|]")
SPLITS = ("train", "dev", "test")


def _tables(path: Path) -> dict[str, Path]:
    """Returns the file of each split of a folder."""
    found = {}
    for split in SPLITS:
        files = [file for ending in ENDINGS if (file := path / f"{split}{ending}").is_file()]
        if len(files) > 1:
            raise DatasetError(
                f"{path}: has both {files[0].name} and {files[1].name}; remove one of them"
            )
        if files:
            found[split] = files[0]
    return found


def matches(path: Path) -> bool:
    """Returns True if `path` is a table, or has one for train and one for test."""
    if path.is_file():
        return path.suffix.lower() in ENDINGS
    return {"train", "test"} <= _tables(path).keys()


def _rows(file: Path, unusable: list[str]) -> list[Row]:
    read = _json_lines if file.suffix.lower() == ".jsonl" else _table
    rows = []
    for location, text, given in read(file, unusable):
        names = [one.strip().lower() for one in given if one.strip()]
        if unknown := [name for name in names if name not in LABEL_OF]:
            unusable.append(
                f"{location}: no emotion is called {unknown[0]!r}; known: {', '.join(LABELS)}"
            )
            continue
        rows.append(Row(location, text, tuple(dict.fromkeys(LABEL_OF[name] for name in names))))
    return rows


Labelled = Iterator[tuple[str, str, list[str]]]
"""Location, text and the names of its labels."""


def _table(file: Path, unusable: list[str]) -> Labelled:
    for location, row in read_table(file, ("text", "label"), unusable=unusable):
        yield location, row["text"], BETWEEN.split(row["label"])


def _json_lines(file: Path, unusable: list[str]) -> Labelled:
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        location = f"{file}:{number}"
        try:
            row: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
            text, label = row["text"], row["label"]
            names = BETWEEN.split(label) if isinstance(label, str) else [str(one) for one in label]
            if not isinstance(text, str):
                raise TypeError("text is not a string")
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            unusable.append(f'{location}: not {{"text": …, "label": …}} ({error})')
            continue
        yield location, text, names


def load(path: Path) -> list[Texts]:
    """Loads the texts, with the splits of a folder or at random. Raises DatasetError."""
    unusable: list[str] = []
    name = path.resolve().stem
    if path.is_file():
        return [split_at_random(name, LICENCE, LABELS, _rows(path, unusable), unusable)]
    rows = {split: _rows(file, unusable) for split, file in _tables(path).items()}
    return [split_as_published(name, LICENCE, LABELS, rows, unusable)]
