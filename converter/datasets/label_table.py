"""The table of a data set of clips: labels.csv, with the columns file, emotion and speaker."""

from collections.abc import Collection
from pathlib import Path

from converter.datasets.files import name_some
from converter.datasets.samples import DatasetError
from converter.datasets.tables import has_columns, read_table

TABLE = "labels.csv"
COLUMNS = ("file", "emotion", "speaker")

Row = tuple[str, dict[str, str]]
"""The place of a row, for messages, and its cells."""


def lists_any(path: Path, suffixes: Collection[str]) -> bool:
    """Returns True if the folder `path` has a table with files of one of the `suffixes` in it."""
    if not has_columns(path / TABLE, COLUMNS):
        return False
    try:
        return any(
            _has_suffix(row, suffixes) for row in read_table(path / TABLE, COLUMNS, unusable=[])
        )
    except DatasetError:
        return True  # whoever reads it will report that


def read_rows(
    path: Path, suffixes: Collection[str], kind: str, unusable: list[str]
) -> tuple[list[Row], tuple[str, ...]]:
    """Returns the rows whose file has one of the `suffixes`, and a note about others, if any.

    `kind` is what files with these suffixes are called. A row that lacks cells is added to
    `unusable`. Raises DatasetError.
    """
    rows = list(read_table(path / TABLE, COLUMNS, unusable=unusable))
    others = [one[1]["file"] for one in rows if not _has_suffix(one, suffixes)]
    note = f"rows of {TABLE} that are not {kind}: {len(others)} ({name_some(others)})"
    return [one for one in rows if _has_suffix(one, suffixes)], (note,) if others else ()


def _has_suffix(row: Row, suffixes: Collection[str]) -> bool:
    return Path(row[1]["file"]).suffix.lower() in suffixes
