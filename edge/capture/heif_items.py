"""Reads how the picture of a HEIC or AVIF file is composed of items (ISO/IEC 23008-12).

A file has a primary item beside others: its transparency, a thumbnail, a map of depth. The primary
item is coded itself, or a grid of tiles that are, as in the large pictures of phones.

PyAV decodes each item but does not say how they compose. Of libraries, pillow-heif 1.8 does, but
for HEIC alone: its wheels have no decoder of AVIF, take 27 MB beside Pillow's 22, and are under the
GPL because of the encoder x265.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Box = tuple[bytes, bytes]
"""Type and content."""
FULL_BOX_BYTES = 4
"""Version and flags at the start of some boxes."""
SMALL = 8
"""Most associations of a property with an item have this many bits."""


@dataclass(frozen=True)
class Grid:
    """Tiles of one size, row by row, of which the picture is cut."""

    tiles: tuple[int, ...]
    """Numbers of their items."""
    columns: int
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """The primary item of a file."""

    item: int
    form: bytes
    """Its type, such as hvc1 or grid."""
    grid: Grid | None
    quarters: int
    """Quarters by which it is to be turned, counterclockwise."""
    mirrored: int | None
    """What is then swapped: 0 for top and bottom, 1 for left and right."""
    is_turned: bool
    """True if the file says how it is to be turned, or not."""


def read_picture_item(data: bytes) -> Picture | None:
    """Returns the primary item of a file; None without one, and if its header is damaged."""
    try:
        meta = next((content for kind, content in _boxes(data) if kind == b"meta"), b"")
        boxes = dict(_boxes(meta[FULL_BOX_BYTES:]))
        item = _number(boxes[b"pitm"], FULL_BOX_BYTES, 4 if boxes[b"pitm"][0] else 2)
        form = dict(_types(boxes[b"iinf"]))[item]
        properties = _properties(boxes.get(b"iprp", b""), item)
        grid = None
        if form == b"grid":
            tiles = dict(_derived_from(boxes[b"iref"]))[item]
            grid = _grid(_content(data, boxes, item), tiles)
        rotation, mirroring = properties.get(b"irot"), properties.get(b"imir")
        return Picture(
            item,
            form,
            grid,
            rotation[0] & 3 if rotation else 0,
            mirroring[0] & 1 if mirroring else None,
            rotation is not None or mirroring is not None,
        )
    except (KeyError, IndexError, ValueError, struct.error):
        return None


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at + 8 <= len(data):
        size, kind = _number(data, at, 4), data[at + 4 : at + 8]
        start = at + 8
        if size == 1:
            size, start = _number(data, start, 8), at + 16
        end = len(data) if size == 0 else at + size
        if end < start:
            raise ValueError("a box is shorter than its header")
        yield kind, data[start:end]
        at = end


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise IndexError("it ends within a number")
    return int.from_bytes(data[at : at + size], "big")


def _types(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields number and type of each item."""
    for _, entry in _boxes(iinf[FULL_BOX_BYTES + (4 if iinf[0] else 2) :]):
        size = 4 if entry[0] == 3 else 2
        at = FULL_BOX_BYTES + size + 2
        yield _number(entry, FULL_BOX_BYTES, size), entry[at : at + 4]


def _derived_from(iref: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yields the items that are composed of others, and those."""
    size = 4 if iref[0] else 2
    for kind, content in _boxes(iref[FULL_BOX_BYTES:]):
        if kind == b"dimg":
            count = _number(content, size, 2)
            sources = (_number(content, size + 2 + size * n, size) for n in range(count))
            yield _number(content, 0, size), tuple(sources)


def _properties(iprp: bytes, item: int) -> dict[bytes, bytes]:
    """Returns the properties of an item by type."""
    boxes = list(_boxes(iprp))
    known = [one for kind, content in boxes if kind == b"ipco" for one in _boxes(content)]
    found: dict[bytes, bytes] = {}
    for ipma in (content for kind, content in boxes if kind == b"ipma"):
        item_size, size = 4 if ipma[0] else 2, 2 if ipma[3] & 1 else 1
        at = FULL_BOX_BYTES + 4
        for _ in range(_number(ipma, FULL_BOX_BYTES, 4)):
            owner, count = _number(ipma, at, item_size), ipma[at + item_size]
            at += item_size + 1
            if owner == item:
                for n in range(count):
                    # The highest bit marks what a reader must know.
                    index = _number(ipma, at + n * size, size) & ((1 << (SMALL * size - 1)) - 1)
                    if index:
                        found |= [known[index - 1]]
            at += count * size
    return found


def _content(data: bytes, boxes: dict[bytes, bytes], item: int) -> bytes:
    """Returns the content of an item (box iloc)."""
    iloc = boxes[b"iloc"]
    version = iloc[0]
    sizes = [iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15 if version else 0]
    offset_size, length_size, base_size, index_size = sizes
    number_size = 4 if version == 2 else 2
    count, at = _number(iloc, 6, number_size), 6 + number_size
    for _ in range(count):
        owner, at = _number(iloc, at, number_size), at + number_size
        method = _number(iloc, at, 2) & 15 if version else 0
        at += 4 if version else 2
        base, at = _number(iloc, at, base_size), at + base_size
        extents, at = _number(iloc, at, 2), at + 2
        parts = []
        for _ in range(extents):
            at += index_size
            start, at = base + _number(iloc, at, offset_size), at + offset_size
            length, at = _number(iloc, at, length_size), at + length_size
            source = boxes[b"idat"] if method == 1 else data
            parts.append(source[start : start + length])
        if owner == item:
            return b"".join(parts)
    raise KeyError(item)


def _grid(content: bytes, tiles: tuple[int, ...]) -> Grid:
    size = 4 if content[1] & 1 else 2
    rows, columns = content[2] + 1, content[3] + 1
    if rows * columns != len(tiles):
        raise ValueError("the grid has other tiles")
    return Grid(tiles, columns, _number(content, 4, size), _number(content, 4 + size, size))
