"""Reads the pages of a damaged SQLite file, in place of SQLite, which refuses to.

Only what a table of short rows needs: https://www.sqlite.org/fileformat2.html, sections 1.6 (pages
of a b-tree), 2.1 (records) and 4 (the write-ahead log).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.publish.write_ahead_log import PAGE_BYTES, Frame, frames, log_of

MAX_PAGES = 50_000
"""Pages of a file that are read, 200 MB, to bound the time."""
MAX_DEPTH = 20
ROOT = 2
"""Page of the first table of a file."""
INTERIOR, LEAF = 0x05, 0x0D
INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""By serial type."""
Value = bytes | float | None


class DamagedError(ValueError):
    """Bytes that are not what they should be."""


class Cell(NamedTuple):
    """A row on a page."""

    key: int
    values: list[Value]


class Pages:
    """The pages of a file and of its write-ahead log."""

    def __init__(self, file: Path) -> None:
        self._file, self._log = file, log_of(file)
        self._frames = frames(self._log)
        done = max(
            (at for at, one in enumerate(self._frames, 1) if one.ends_transaction), default=0
        )
        committed = self._frames[:done]
        self._newest = [
            {one.page: one for one in committed if one.is_intact},
            {one.page: one for one in committed},
        ]

    def __iter__(self) -> Iterator[bytes]:
        """Yields every version of every page."""
        with self._file.open("rb") as file:
            for _ in range(MAX_PAGES):
                page = file.read(PAGE_BYTES)
                if len(page) < PAGE_BYTES:
                    break
                yield page
        for frame in self._frames:
            yield _read(self._log, frame.at)

    def first_key(self) -> int | None:
        """Returns the first key of the table, None if it is empty.

        Raises DamagedError if the way to it is damaged. If a number on the way leads to another
        page, that has keys beyond those that the page above gives.
        """
        keys, damage = [], None
        for newest in self._newest:  # a damaged page may still have its keys, an older one others
            try:
                keys.append(self._first_key(newest))
            except DamagedError as error:
                damage = error
        found = [one for one in keys if one is not None]
        if not found and damage is not None:
            raise damage  # the table was empty once, and perhaps no longer
        return min(found, default=None)

    def _first_key(self, newest: dict[int, Frame]) -> int | None:
        number, highest = ROOT, 2**63
        for _ in range(MAX_DEPTH):
            page = self._page(newest, number)
            count = _number(page, 3, 2)
            if page[0] == LEAF and not count and number == ROOT:
                return None
            if page[0] == LEAF and count:
                keys = [_key(page, _number(page, 8 + 2 * one, 2)) for one in range(count)]
                if max(keys) <= highest:
                    return min(keys)
            if page[0] != INTERIOR:
                break
            number = _number(page, 8, 4)
            if count:
                cell = _number(page, 12, 2)
                number, highest = _number(page, cell, 4), _signed(_varint(page, cell + 4)[0])
        raise DamagedError("the tree of the table is damaged")

    def _page(self, newest: dict[int, Frame], number: int) -> bytes:
        frame = newest.get(number)
        if frame is not None:
            page = _read(self._log, frame.at)
        else:
            page = _read(self._file, max(number - 1, 0) * PAGE_BYTES)
        if len(page) < PAGE_BYTES:
            raise DamagedError(f"there is no page {number}")
        return page


def cells(page: bytes) -> Iterator[Cell]:
    """Yields what can be read of the rows on a page.

    Neither the type of the page nor its count of rows is believed: a row has to prove itself.
    """
    for at in range(8, PAGE_BYTES, 2):
        pointer = _number(page, at, 2)
        if not pointer:
            return
        try:
            yield _cell(page, pointer)
        except DamagedError:
            continue


def _read(file: Path, at: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(at)
        return opened.read(PAGE_BYTES)


def _cell(page: bytes, at: int) -> Cell:
    length, at = _varint(page, at)
    key, at = _varint(page, at)
    header_bytes, types_at = _varint(page, at)
    values: list[Value] = []
    value_at, end = at + header_bytes, min(at + length, PAGE_BYTES)
    while types_at < at + header_bytes:
        kind, types_at = _varint(page, types_at)
        value, value_at = _value(page, kind, value_at)
        if value_at > end:
            raise DamagedError("a row is longer than its page or than it says")
        values.append(value)
    return Cell(_signed(key), values)


def _value(page: bytes, kind: int, at: int) -> tuple[Value, int]:
    """Returns a value by its serial type, and where the next one is."""
    if kind == 0:
        return None, at
    if kind in {8, 9}:
        return kind - 8, at
    if kind == 7 and at + 8 <= len(page):
        return struct.unpack_from(">d", page, at)[0], at + 8
    if kind in INTEGER_BYTES:
        end = at + INTEGER_BYTES[kind]
        return int.from_bytes(page[at:end], "big", signed=True), end
    if kind >= 12:
        end = at + (kind - 12) // 2
        return page[at:end], end
    raise DamagedError(f"there is no serial type {kind}")


def _key(page: bytes, at: int) -> int:
    return _signed(_varint(page, _varint(page, at)[1])[0])


def _number(page: bytes, at: int, count: int) -> int:
    if at + count > len(page):
        raise DamagedError(f"byte {at} is beyond the page")
    return int.from_bytes(page[at : at + count], "big")


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Returns a number of up to nine bytes, and where the next one is."""
    value = 0
    for index, byte in enumerate(page[at : at + 9], 1):
        if index == 9:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index
    raise DamagedError(f"a number at byte {at} has no end")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
