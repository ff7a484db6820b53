"""Decodes HEIC and AVIF with PyAV, and turns them upright."""

import io
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edge.capture.heif_items import Grid, read_picture_item
from edge.capture.importing import PYAV_IMPORT
from edge.capture.picture_header import picture_size, tiff_values
from edge.errors import SourceError
from edge.values import Pixels

EXIF = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
ORIENTATION_TAG = 0x0112
TURNS = {3: (2, False), 6: (3, False), 8: (1, False)} | {
    2: (0, True),
    4: (2, True),
    5: (1, True),
    7: (3, True),
}
"""Quarters counterclockwise, and whether mirrored first, by Exif's orientation."""


def decode_heif(data: bytes, failure: str) -> Pixels:
    """Decodes the picture of a HEIC or AVIF file, without transparency, upright.

    It may be composed of tiles, as phones do. Raises SourceError, whose text starts with `failure`,
    and ImportError without PyAV.
    """
    with PYAV_IMPORT:
        from edge.capture.pyav import opened
        from edge.capture.pyav_video import to_pixels

    picture = read_picture_item(data)
    with opened(io.BytesIO(data), failure, "picture") as container:
        streams = {one.id: one for one in container.streams.video}
        for stream in streams.values():
            if stream.codec_context is not None:
                stream.codec_context.thread_count = 1  # each of the tiles has a decoder
        if picture is not None and picture.grid is not None:
            wanted = [streams[one] for one in set(picture.grid.tiles) if one in streams]
            tiles = {number: to_pixels(frame) for number, frame in _frames(container, wanted)}
            return upright(_composed(tiles, picture.grid, data, failure), data)
        item = -1 if picture is None else picture.item
        if item not in streams and len(streams) != 1:
            raise SourceError(f"{failure}: it is composed in an unknown way; convert it to JPEG")
        stream = streams[item] if item in streams else next(iter(streams.values()))
        for _, frame in _frames(container, [stream]):
            return upright(to_pixels(frame), data)
    raise SourceError(f"{failure}: it has no picture")


def _frames(container: Any, streams: list[Any]) -> Iterator[tuple[int, Any]]:
    """Yields the first picture of each stream with the number of that."""
    found = set()
    for packet in container.demux(streams) if streams else ():
        for frame in packet.decode():
            if packet.stream.id not in found:
                found.add(packet.stream.id)
                yield packet.stream.id, frame


def _composed(tiles: Mapping[int, Pixels], grid: Grid, data: bytes, failure: str) -> Pixels:
    """Puts tiles together; raises SourceError."""
    size = picture_size(data) or (0, 0)
    if grid.width * grid.height > size[0] * size[1] or not grid.width or not grid.height:
        raise SourceError(f"{failure}: its header is damaged")
    if missing := sum(one not in tiles for one in grid.tiles):
        raise SourceError(
            f"{failure}: {missing} of its {len(grid.tiles)} tiles are missing; is it complete?"
        )
    height, width = tiles[grid.tiles[0]].shape[:2]
    whole = np.zeros((grid.height, grid.width, 3), np.uint8)
    for place, number in enumerate(grid.tiles):
        top, left = place // grid.columns * height, place % grid.columns * width
        part = whole[top : top + height, left : left + width]
        tile = tiles[number][: part.shape[0], : part.shape[1]]
        part[: tile.shape[0], : tile.shape[1]] = tile
    return whole


def upright(pixels: Pixels, data: bytes) -> Pixels:
    """Turns the picture of a HEIC or AVIF as its properties say; without any, as Exif does."""
    picture = read_picture_item(data)
    if picture is None or not picture.is_turned:
        quarters, mirrored = TURNS.get(_exif_orientation(data), (0, False))
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))
    turned = np.rot90(pixels, picture.quarters)
    if picture.mirrored is not None:
        turned = turned[:, ::-1] if picture.mirrored else turned[::-1]
    return np.ascontiguousarray(turned)


def _exif_orientation(data: bytes) -> int:
    """Returns Exif's orientation, 1 to 8; 1 without it."""
    if (found := EXIF.search(data)) is None:
        return 1
    try:
        values = tiff_values(data[found.end() :])
        return next((value for tag, value in values if tag == ORIENTATION_TAG), 1)
    except struct.error:  # it ends within its header
        return 1
