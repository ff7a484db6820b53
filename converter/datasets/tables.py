"""Reads tables as they are downloaded: any delimiter and encoding, and no row lost in silence.

Every loader of a data set reads its tables here.
"""

import csv
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.datasets.files import Root, read_bytes
from converter.datasets.samples import DatasetError

log = logging.getLogger(__name__)

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_LINES = 20
MAX_FIELD_CHARACTERS = 1_000_000
SWALLOWED_LINES = 5
"""A cell that spans this many lines, most of which look like rows, has lost its closing quote."""
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

    The delimiter is found unless it is given: the one that splits the first lines into `columns` or
    more. Raises DatasetError with the line, also if a quote is not closed, which would make one
    cell of all that follows.
    """
    text = read_table_text(file)
    lines = list(io.StringIO(text, newline=""))
    delimiter = delimiter or _delimiter(lines[:SNIFFED_LINES], columns)
    dialect: dict[str, Any] = {} if quoted else {"quoting": csv.QUOTE_NONE}
    previous = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, **dialect)
    start = 1
    try:
        for values in reader:
            _check_span(file, start, lines[start - 1 : reader.line_num], delimiter, len(values))
            if values:
                yield Cells(f"{file}:{start}", values)
            start = reader.line_num + 1
    except csv.Error as error:
        hint = "is a quote missing, or one too many? Double a quote within a text"
        raise DatasetError(f"{file}:{start}: not a row of a table ({error}); {hint}") from error
    finally:
        csv.field_size_limit(previous)


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

    A missing cell is an empty text. Names of columns may differ in case and spaces, or be one of
    `also`, other names of some columns. A row with more cells than columns is added to `unusable`,
    or without that refused. Raises DatasetError, also if one of `columns` is missing.
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
    for row in rows:
        if len(row.values) > len(names) and any(row.values[len(names) :]):
            reason = (
                f"{row.location}: {len(row.values)} cells, but the header has {len(names)}; put a "
                "text with the delimiter in it into quotes"
            )
            if unusable is None:
                raise DatasetError(reason)
            unusable.append(reason)
            continue
        padded = [*row.values, *[""] * (len(names) - len(row.values))]
        yield row.location, dict(zip(names, padded, strict=False))


def _names(header: Sequence[str], columns: Sequence[str], also: Mapping[str, str]) -> list[str]:
    """Returns the names of a header as the caller calls them."""
    known = {name.casefold(): column for name, column in also.items()}
    known |= {column.casefold(): column for column in columns}
    return [known.get(name.strip().casefold(), name.strip()) for name in header]


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


def _delimiter(lines: Sequence[str], columns: int) -> str:
    """Returns the delimiter that splits most lines into at least that many cells."""
    filled = [line for line in lines if line.strip()]

    def fitting(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in filled]
        header = counts[0] if counts else 0
        return sum(count >= columns - 1 for count in counts), header

    return max(DELIMITERS, key=fitting)


def _check_span(file: Root, start: int, span: Sequence[str], delimiter: str, cells: int) -> None:
    """Raises DatasetError if a row spans several lines that look like rows of their own."""
    if len(span) < SWALLOWED_LINES:
        return
    alike = sum(line.count(delimiter) == max(cells - 1, 1) for line in span[1:-1])
    if 2 * alike > len(span) - 2:
        raise DatasetError(
            f"{file}:{start}: a cell goes on for {len(span)} lines, which look like rows; "
            "is a quote missing, or one too many? Double a quote within a text"
        )


def has_columns(file: Path | Root, columns: Sequence[str]) -> bool:
    """Returns True if a file is a table with these columns."""
    try:
        header = next(read_rows(file, columns=len(columns)), Cells("", []))
    except DatasetError:
        return False
    return set(columns) <= set(_names(header.values, columns, {}))
