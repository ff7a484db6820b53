"""Makes AVIF files composed as the HEIC files of phones: a picture of tiles, with a thumbnail."""

import struct

import cv2
import numpy as np

from edge.values import Pixels

THUMBNAIL_SIDE = 64


def avif_of_tiles(pixels: Pixels, tile: int, quarters: int = 0) -> bytes:
    """Returns a picture cut into tiles of that side, to be turned by quarters counterclockwise."""
    height, width = pixels.shape[:2]
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.pad(
        pixels, ((0, rows * tile - height), (0, columns * tile - width), (0, 0)), mode="edge"
    )
    parts = [
        padded[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        for row in range(rows)
        for column in range(columns)
    ]
    thumbnail = np.asarray(cv2.resize(pixels, (THUMBNAIL_SIDE, THUMBNAIL_SIDE)), np.uint8)
    coded = [_coded(np.ascontiguousarray(one)) for one in (thumbnail, *parts)]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    return _file(coded, grid, (width, height), tile, quarters)


def _coded(pixels: Pixels) -> tuple[bytes, bytes]:
    """Returns the configuration of the decoder and the picture in AV1, from a file of its own."""
    data = bytes(cv2.imencode(".avif", pixels)[1])
    return _content(data, b"av1C"), _content(data, b"mdat")


def _content(data: bytes, kind: bytes) -> bytes:
    """Returns what is in the only box of a kind."""
    at = data.index(kind)
    return data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")]


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full_box(kind: bytes, *content: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]), *content)


def _file(
    coded: list[tuple[bytes, bytes]], grid: bytes, size: tuple[int, int], tile: int, quarters: int
) -> bytes:
    """Returns the file: item 1 is the thumbnail, then come the tiles, then the grid."""
    items = range(1, len(coded) + 1)
    whole = len(coded) + 1
    entries = [
        _full_box(b"infe", struct.pack(">HH4sB", item, 0, kind, 0), version=2)
        for item, kind in [*((item, b"av01") for item in items), (whole, b"grid")]
    ]
    references = [
        _box(b"thmb", struct.pack(">HHH", 1, 1, whole)),
        _box(b"dimg", struct.pack(f">HH{len(coded) - 1}H", whole, len(coded) - 1, *items[1:])),
    ]
    sides = [(THUMBNAIL_SIDE, THUMBNAIL_SIDE), (tile, tile), size]
    properties = [
        *(_full_box(b"ispe", struct.pack(">II", *one)) for one in sides),
        _box(b"irot", bytes([0])),
        _box(b"irot", bytes([quarters])),
        *(_box(b"av1C", configuration) for configuration, _ in coded),
    ]
    of_items = [(1, [1, 4, 6]), *((item, [2, 5 + item]) for item in items[1:]), (whole, [3, 5])]
    associations = b"".join(
        struct.pack(">HB", item, len(indices)) + bytes(indices) for item, indices in of_items
    )
    start = _box(b"ftyp", b"avif", bytes(4), b"mif1avif")

    def meta(first: int) -> bytes:
        places = b""
        for item, (_, data) in zip(items, coded, strict=True):
            places += struct.pack(">HHHHII", item, 0, 0, 1, first, len(data))
            first += len(data)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(grid))  # in idat
        return _full_box(
            b"meta",
            _full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full_box(b"pitm", struct.pack(">H", whole)),
            _full_box(b"iloc", bytes([0x44, 0]), struct.pack(">H", whole), places, version=1),
            _full_box(b"iinf", struct.pack(">H", len(entries)), *entries),
            _full_box(b"iref", *references),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _full_box(b"ipma", struct.pack(">I", len(of_items)), associations),
            ),
            _box(b"idat", grid),
        )

    header = start + meta(len(start) + len(meta(0)) + 8)
    return header + _box(b"mdat", *(data for _, data in coded))
