"""Reads tables as they are downloaded: any delimiter and encoding, and no row lost in silence.

Every loader of a data set reads its tables here.
"""

import csv
import io
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.datasets.dialects import (
    Span,
    declared_delimiter,
    find_delimiter,
    find_swallowed,
    first_row,
)
from converter.datasets.files import Root, read_bytes
from converter.datasets.samples import DatasetError

log = logging.getLogger(__name__)

MAX_FIELD_CHARACTERS = 1_000_000
QUOTE_IT = "put a text with the delimiter in it into quotes"
LOST_QUOTE = "is a quote missing, or one too many? Double a quote within a text"
PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"BZh")
"""Starts of archives and packed files."""
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


@dataclass(frozen=True)
class Cells:
    """One row of a table."""

    location: str
    """File and line, for messages."""
    values: list[str]


def read_rows(
    file: Root, delimiter: str | None = None, *, quoted: bool = True, columns: int = 2
) -> Iterator[Cells]:
    """Yields the rows of a table, without empty ones.

    The delimiter is found unless it is given: the one that the first line names, as Excel does, or
    that splits the first rows into `columns` or more. Raises DatasetError with the line, also if a
    quote is missing, which would make one cell of rows that follow.
    """
    lines, delimiter = _lines(file, delimiter, columns)
    rows: Iterable[tuple[Span, list[str]]] = _parsed(file, lines, delimiter, quoted)
    if quoted and any('"' in line for line in lines):
        rows = list(rows)
        _check_quotes(file, lines, rows, delimiter)
    for (start, _), values in rows:
        if values:
            yield Cells(f"{file}:{start + 1}", values)


def _lines(file: Root, delimiter: str | None, columns: int) -> tuple[list[str], str]:
    """Returns the lines of a table and its delimiter."""
    lines = list(io.StringIO(read_table_text(file), newline=""))
    if declared := declared_delimiter(lines):
        lines[0] = "\n"
    return lines, delimiter or declared or find_delimiter(lines, columns)


def _parsed(
    file: Root, lines: Sequence[str], delimiter: str, quoted: bool
) -> Iterator[tuple[Span, list[str]]]:
    """Yields rows with their lines; raises DatasetError."""
    dialect: dict[str, Any] = {} if quoted else {"quoting": csv.QUOTE_NONE}
    previous = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, **dialect)
    start = 0
    try:
        for values in reader:
            yield (start, reader.line_num), values
            start = reader.line_num
    except csv.Error as error:
        raise DatasetError(
            f"{file}:{start + 1}: not a row of a table ({error}); {LOST_QUOTE}"
        ) from error
    finally:
        csv.field_size_limit(previous)


def _check_quotes(
    file: Root, lines: Sequence[str], rows: Sequence[tuple[Span, list[str]]], delimiter: str
) -> None:
    """Raises DatasetError if a row spans several lines that are rows of their own."""
    if (span := find_swallowed(lines, rows, delimiter)) is not None:
        start, end = span
        raise DatasetError(
            f"{file}:{start + 1}: a cell goes on for {end - start} lines, which look like rows; "
            f"{LOST_QUOTE}"
        )


def read_table(
    file: Root,
    columns: Sequence[str],
    delimiter: str | None = None,
    *,
    quoted: bool = True,
    also: Mapping[str, str] | None = None,
    unusable: list[str] | None = None,
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the rows below a header, each with its location for messages, FILE:LINE.

    Names of columns may differ in case and spaces, or be one of `also`, other names of some
    columns. A row with more cells than the header, or without a cell in one of `columns`, is added
    to `unusable`, or without that refused; other missing cells are empty texts. Raises
    DatasetError, also if one of `columns` is missing.
    """
    rows = read_rows(file, delimiter, quoted=quoted, columns=len(columns))
    header = next(rows, Cells("", []))
    names = _names(header.values, columns, also or {})
    if missing := [column for column in columns if column not in names]:
        found = ", ".join(one.strip() for one in header.values) or "nothing"
        expected = f"{', '.join(columns[:-1])} and {columns[-1]}"
        raise DatasetError(
            f"{file}: the column {missing[0]} is missing; found {found}; "
            f"expected the columns {expected}"
        )
    needed = max(names.index(column) for column in columns) + 1 if columns else 0
    for row in rows:
        count = len(row.values)
        if needed <= count and not any(row.values[len(names) :]):
            padded = [*row.values, *[""] * (len(names) - count)]
            yield row.location, dict(zip(names, padded, strict=False))
            continue
        remedy = f"its {names[count]} is missing" if count < needed else QUOTE_IT
        reason = f"{row.location}: {count} cells, but the header has {len(names)}; {remedy}"
        if unusable is None:
            raise DatasetError(reason)
        unusable.append(reason)


def _names(header: Sequence[str], columns: Sequence[str], also: Mapping[str, str]) -> list[str]:
    """Returns the names of a header as the caller calls them."""
    given = [name.strip().casefold() for name in header]
    others = {name.casefold(): column for name, column in also.items()}
    known = {
        name: column
        for name, column in others.items()
        if name == column or column.casefold() not in given
    }
    known |= {column.casefold(): column for column in columns}
    return [known.get(key, name.strip()) for key, name in zip(given, header, strict=True)]


def read_table_text(file: Root) -> str:
    """Returns the text of a file in UTF-8, UTF-16 or Windows-1252; raises DatasetError."""
    data = read_bytes(file)
    if isinstance(data, str):
        raise DatasetError(f"{file}: cannot be read: {data}")
    if data.startswith(PACKED):
        raise DatasetError(f"{file}: cannot be read: it is packed; unpack it, and give the table")
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{file}: cannot be read: it is not a text (it has bytes of zero)")
    encoding = next((one for mark, one in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "")
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        if encoding:
            raise DatasetError(f"{file}: cannot be read (line {line}: {error})") from error
        log.warning("%s:%d: not UTF-8; the table is read as Windows-1252", file, line)
        return data.decode("cp1252", "replace")


def has_columns(
    file: Path | Root, columns: Sequence[str], also: Mapping[str, str] | None = None
) -> bool:
    """Returns True if a file is a table with these columns, whatever its rows are like.

    `also` are other names of some columns.
    """
    try:
        header = first_row(*_lines(file, None, len(columns)))
    except DatasetError:
        return False
    return set(columns) <= set(_names(header, columns, also or {}))
