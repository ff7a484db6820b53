"""The table of a data set of files: labels.csv, with the columns file and emotion.

Further columns are speaker, which may be empty, and split. Other names of them are in ALSO.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from converter.datasets.files import Root, find_root, name_some
from converter.datasets.own_labels import OwnLabels
from converter.datasets.own_layout import OwnFile, OwnFiles, split_of
from converter.datasets.samples import DatasetError
from converter.datasets.tables import has_columns, read_table

TABLE = "labels.csv"
COLUMNS = ("file", "emotion")
ALSO = {
    **dict.fromkeys(("path", "filename", "file_name", "image"), "file"),
    "label": "emotion",
    **dict.fromkeys(("speaker", "person", "subject", "actor"), "speaker"),
    **dict.fromkeys(("split", "set", "usage", "partition"), "split"),
}
"""Other names of the columns."""

Row = tuple[str, dict[str, str]]
"""The place of a row, for messages, and its cells."""


def root_of(path: Path) -> Root | None:
    """Returns the folder with the table, in a folder or a zip, or None."""
    return find_root(path, (), lambda folder: has_columns(folder / TABLE, COLUMNS, ALSO))


def lists_any(path: Path, suffixes: Collection[str]) -> bool:
    """Returns True if `path` has a table with files of one of the `suffixes` in it."""
    root = root_of(path)
    if root is None:
        return False
    try:
        rows = read_table(root / TABLE, COLUMNS, also=ALSO, unusable=[])
        return any(_has_suffix(row, suffixes) for row in rows)
    except DatasetError:
        return True  # whoever reads it will report that


def read_rows(
    path: Root, suffixes: Collection[str], kind: str, unusable: list[str]
) -> tuple[list[Row], tuple[str, ...]]:
    """Returns the rows whose file has one of the `suffixes`, and a note about others, if any.

    `path` is the folder of the table, and `kind` what files with these suffixes are called. A row
    that lacks cells is added to `unusable`. Raises DatasetError.
    """
    columns = (*COLUMNS, "speaker") if _has_speakers(path) else COLUMNS
    rows = [
        (where, {"speaker": "", **row})
        for where, row in read_table(path / TABLE, columns, also=ALSO, unusable=unusable)
    ]
    others = [one[1]["file"] for one in rows if not _has_suffix(one, suffixes)]
    note = f"rows of {TABLE} that are not {kind}: {len(others)} ({name_some(others)})"
    return [one for one in rows if _has_suffix(one, suffixes)], (note,) if others else ()


def find_files(path: Path, suffixes: Collection[str], kind: str, labels: OwnLabels) -> OwnFiles:
    """Returns the files that the table lists with a known emotion; raises DatasetError.

    Rows with another one, or without a split where others have one, are `unusable`.
    """
    root = root_of(path) or path
    unusable, unknown, skipped = list[str](), Counter[str](), Counter[str]()
    rows, notes = read_rows(root, suffixes, kind, unusable)
    has_splits = any(split_of(row.get("split", "")) for _, row in rows)
    files: dict[str, OwnFile] = {}
    listed: set[str] = set()
    for where, row in rows:
        name, emotion = row["file"].strip(), row["emotion"].strip()
        split = split_of(row["split"]) if has_splits else ""
        if name in listed:
            unusable.append(f"{where}: {name}: listed twice")
        elif labels.is_skipped(emotion):
            skipped[emotion] += 1
        elif (label := labels.find(emotion)) is None:
            unknown[emotion] += 1
            unusable.append(f"{where}: {name}: no emotion is called {emotion!r}")
        elif split is None:
            unusable.append(f"{where}: {name}: no split is called {row['split']!r}")
        else:
            files[name] = OwnFile(root / name, label, split, row["speaker"].strip())
        listed.add(name)
    found = [f"{emotion}: {count} {kind} left out, as asked" for emotion, count in skipped.items()]
    found += [
        f"{emotion!r} is no emotion: {count} {kind} left out; {labels.explain([emotion])}"
        for emotion, count in unknown.items()
    ]
    return OwnFiles(TABLE, list(files.values()), unusable, [*notes, *found])


def has_speakers(path: Path) -> bool:
    """Returns True if the table has a column of speakers, be they known or not."""
    root = root_of(path)
    return root is not None and _has_speakers(root)


def _has_speakers(root: Root) -> bool:
    return has_columns(root / TABLE, (*COLUMNS, "speaker"), ALSO)


def _has_suffix(row: Row, suffixes: Collection[str]) -> bool:
    return Path(row[1]["file"].strip()).suffix.lower() in suffixes
