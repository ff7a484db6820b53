"""Finds out how a table is written: its delimiter, and where a quote was lost."""

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_LINES, SNIFFED_ROWS = 200, 20
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line of a table by Excel, which names its delimiter."""
MAX_VALUE_CHARACTERS = 100
"""A longer cell is not compared with those of other rows."""


def declared_delimiter(lines: Sequence[str]) -> str:
    """Returns the delimiter that the first line names, as Excel writes it; empty without."""
    found = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    return found[1] if found else ""


def find_delimiter(lines: Sequence[str], columns: int) -> str:
    """Returns the delimiter that splits most of the first rows into at least that many cells.

    Quoted cells may contain it, and several lines.
    """

    def fitting(delimiter: str) -> tuple[int, int, int, int]:
        rows = _first_rows(lines, delimiter)
        counts = [len(row) for row in rows]
        header = counts[0] if counts else 0
        torn = sum(cell.count('"') % 2 for row in rows for cell in row)
        return sum(count >= columns for count in counts), -torn, counts.count(header), header

    return max(DELIMITERS, key=fitting)


def first_row(lines: Sequence[str], delimiter: str) -> list[str]:
    """Returns the cells of the first row that is not empty."""
    return next(iter(_first_rows(lines, delimiter)), [])


def _first_rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(islice(lines, SNIFFED_LINES), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == SNIFFED_ROWS:
                break
    except csv.Error:  # what is in front of it is enough
        pass
    return rows


Span = tuple[int, int]
"""The first line of a row and the one behind its last, from 0."""


def find_swallowed(
    lines: Sequence[str], rows: Sequence[tuple[Span, list[str]]], delimiter: str
) -> Span | None:
    """Returns the first row of several lines each of which is a row of its own; None without any.

    A cell that has lost a quote makes one row of several. A line is a row if it has enough cells,
    and in one column a value that other rows have there too, such as a label.
    """
    known: defaultdict[int, set[str]] = defaultdict(set)
    widths: defaultdict[int, int] = defaultdict(int)
    for (start, end), cells in rows:
        if end - start > 1 or not cells:
            continue
        widths[len(cells)] += 1
        for column, cell in enumerate(cells):
            if 0 < len(cell) <= MAX_VALUE_CHARACTERS:
                known[column].add(cell)
    width = max(widths, key=lambda one: widths[one], default=0)

    def is_row(line: str) -> bool:
        cells = first_row([line], delimiter)
        if len(cells) < width:
            cells = line.rstrip("\r\n").split(delimiter)
        if len(cells) < max(width, 2):
            return False
        # A text may contain the delimiter, so columns are counted from both ends.
        return any(
            cells[column] in known[column] or cells[column - width] in known[column]
            for column in range(width)
        )

    return next(
        (
            span
            for span, _ in rows
            if span[1] - span[0] > 1 and all(map(is_row, lines[slice(*span)]))
        ),
        None,
    )
