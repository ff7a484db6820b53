"""Own texts: a table, one table a split, or files of one text each in any layout of `own_layout`.

A CSV has the columns `text` and `label`, a JSON line the same keys, and maybe `split`. Several
labels of one text are separated by commas, semicolons or `|`, or are a JSON list.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from converter.datasets import label_table, own_layout
from converter.datasets.files import Root, children, find_root, is_zip, name_of, read_text
from converter.datasets.own_labels import OwnLabels
from converter.datasets.own_layout import TEST, TRAIN, VAL, split_of
from converter.datasets.own_splits import split, too_few
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
KIND = "texts"
ENDINGS = (".csv", ".jsonl", ".tsv")
FILES = (".txt",)
"""Endings of files of one text each."""
BETWEEN = re.compile(r"[,;|]")
ALSO = {"emotion": "label", "sentence": "text", "set": "split", "split": "split"}
"""Other names of columns."""
STANDARD = OwnLabels(LABEL_OF)


def _tables(path: Path) -> dict[str, Root]:
    """Returns the table of each split, in a folder or a zip; may be empty."""
    root = find_root(path, (), lambda folder: len(_tables_in(folder)) > 1)
    return {} if root is None else _tables_in(root)


def _tables_in(folder: Root) -> dict[str, Root]:
    found: dict[str, Root] = {}
    for file in children(folder):
        part = split_of(Path(file.name).stem)
        if part is None or Path(file.name).suffix.lower() not in ENDINGS or not file.is_file():
            continue
        if part in found:
            raise DatasetError(
                f"{folder}: has both {found[part].name} and {file.name}; remove one of them"
            )
        found[part] = file
    return {part: found[part] for part in (TRAIN, VAL, TEST) if part in found}


def matches(path: Path, labels: OwnLabels = STANDARD) -> bool:
    """Returns True if `path` is a table, has one for each split, or has texts by emotion."""
    if path.is_file() and not is_zip(path):
        return path.suffix.lower() in ENDINGS
    has_tables = TRAIN in (tables := _tables(path)) and len(tables) > 1
    is_listed = label_table.lists_any(path, FILES)
    return has_tables or is_listed or own_layout.matches(path, FILES, labels)


def refuse_unknown(path: Path, labels: OwnLabels) -> None:
    """Raises DatasetError that says what to do if `path` has texts of unknown labels alone."""
    own_layout.refuse_unknown(path, FILES, KIND, labels)


def load(path: Path, labels: OwnLabels = STANDARD) -> list[Texts]:
    """Loads the texts, with the splits that they have or at random. Raises DatasetError."""
    reader = _Reader(labels)
    if path.is_file() and not is_zip(path):
        found = reader.table(path)
        layout = "a table"
    elif tables := _tables(path):
        found = {part: reader.flat(file) for part, file in tables.items()}
        layout = "a table for each of " + "/".join(file.name for file in tables.values())
    else:
        return [_from_files(path, reader)]
    return [_split(path, reader, found, f"read as {layout}")]


def _split(path: Path, reader: "_Reader", rows: dict[str, list[Row]], layout: str) -> Texts:
    name = path.resolve().stem
    offered = _offered(rows, reader.labels.added)
    if len(rows) > 1:
        texts = split_as_published(name, LICENCE, offered, rows, reader.unusable)
        note = layout
    else:
        (alone,) = rows.values()
        texts = split_at_random(name, LICENCE, offered, alone, reader.unusable)
        note = f"{layout}, without splits: split at random"
    return replace(texts, notes=(note, *reader.notes()))


def _offered(rows: dict[str, list[Row]], added: Sequence[str]) -> tuple[str, ...]:
    """Returns the labels of the annotation: those that occur if some are a user's own."""
    occurring = {label for part in rows.values() for row in part for label in row.labels}
    everything = (*LABELS, *added)
    return tuple(one for one in everything if one in occurring) if added else LABELS


def _from_files(path: Path, reader: "_Reader") -> Texts:
    """Loads files of one text each."""
    find = label_table if label_table.lists_any(path, FILES) else own_layout
    found = find.find_files(path, FILES, KIND, reader.labels)
    reader.unusable += found.unusable
    splits = split(found.files)
    rows: dict[str, list[Row]] = {part: [] for part in (TRAIN, VAL, TEST)}
    for one, part in zip(found.files, splits.parts, strict=True):
        rows[part].append(Row(str(one.file), read_text(one.file), (one.label,)))
    notes = f"read as {found.layout}; {splits.sentence}", *found.notes, *too_few(found.files, KIND)
    texts = _split(path, reader, {part: some for part, some in rows.items() if some}, "")
    return replace(texts, dataset=name_of(path), notes=notes)


class _Reader:
    """Reads tables, and collects what cannot be used."""

    def __init__(self, labels: OwnLabels) -> None:
        self.labels = labels
        self.unusable: list[str] = []
        self._unknown: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    def notes(self) -> list[str]:
        """Describes which labels are left out, and how many texts."""
        unknown = [
            f"{name!r} is no emotion: {count} {KIND} left out; {self.labels.explain([name])}"
            for name, count in self._unknown.items()
        ]
        skipped = [f"{name}: {count} {KIND} left out" for name, count in self._skipped.items()]
        return unknown + skipped

    def flat(self, file: Root) -> list[Row]:
        """Returns all usable rows of a table."""
        return [row for rows in self.table(file).values() for row in rows]

    def table(self, file: Root) -> dict[str, list[Row]]:
        """Returns the usable rows of a table by split, or all of them without splits."""
        is_json = Path(file.name).suffix.lower() == ".jsonl"
        read = _json_lines if is_json else _table
        found: dict[str, list[Row]] = {}
        for location, text, given, part in read(file, self.unusable):
            names = [one for one in map(str.strip, given) if one]
            if (labels := self._labels(location, names)) is not None:
                found.setdefault(split_of(part) or "", []).append(Row(location, text, labels))
        if len(found) > 1 and "" in found:
            lost = found.pop("")
            self.unusable += [f"{row.location}: no split is named" for row in lost]
        ordered = (TRAIN, VAL, TEST) if len(found) > 1 else tuple(found) or ("",)
        return {part: found.get(part, []) for part in ordered if part in found or not found}

    def _labels(self, location: str, names: Sequence[str]) -> tuple[str, ...] | None:
        """Returns the labels of a row, or None for one that is left out."""
        if skipped := [name for name in names if self.labels.is_skipped(name)]:
            self._skipped[skipped[0]] += 1
            return None
        found = [self.labels.find(name) for name in names]
        if None in found:
            unknown = names[found.index(None)]
            self._unknown[unknown] += 1
            known = ", ".join((*LABELS, *self.labels.added))
            self.unusable.append(f"{location}: no emotion is called {unknown!r}; known: {known}")
            return None
        return tuple(dict.fromkeys(one for one in found if one is not None))


Labelled = Iterator[tuple[str, str, list[str], str]]
"""Location, text, the names of its labels, and that of its split."""


def _table(file: Root, unusable: list[str]) -> Labelled:
    for location, row in read_table(file, ("text", "label"), also=ALSO, unusable=unusable):
        yield location, row["text"], BETWEEN.split(row["label"]), row.get("split", "")


def _json_lines(file: Root, unusable: list[str]) -> Labelled:
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        location = f"{file}:{number}"
        try:
            row: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
            text, label = row["text"], row["label"] if "label" in row else row["emotion"]
            names = BETWEEN.split(label) if isinstance(label, str) else [str(one) for one in label]
            if not isinstance(text, str):
                raise TypeError("text is not a string")
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            unusable.append(f'{location}: not {{"text": …, "label": …}} ({error})')
            continue
        yield location, text, names, str(row.get("split", ""))
