"""Decodes HEIC and AVIF with PyAV, and turns them upright."""

import io
import re
import struct

import numpy as np

from edge.capture.importing import PYAV_IMPORT
from edge.errors import SourceError
from edge.values import Pixels

ROTATION = re.compile(rb"\0\0\0\x09irot(.)", re.S)
"""The property that turns a picture by so many quarters, counterclockwise."""
MIRRORING = re.compile(rb"\0\0\0\x09imir(.)", re.S)
"""The property that then swaps top and bottom (0), or left and right (1)."""
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
    """Decodes the one picture of a HEIC or AVIF file, upright; raises SourceError.

    Its text starts with `failure`. Phones compose large pictures of tiles; those are refused.
    Raises ImportError without PyAV.
    """
    with PYAV_IMPORT:
        from edge.capture.pyav import opened
        from edge.capture.pyav_video import to_pixels

    with opened(io.BytesIO(data), failure) as container:
        if len(container.streams.video) != 1:
            raise SourceError(f"{failure}: it is composed of tiles; convert it to JPEG")
        frame = next(container.decode(video=0), None)
        if frame is None:
            raise SourceError(f"{failure}: it has no picture")
        return upright(to_pixels(frame), data)


def upright(pixels: Pixels, data: bytes) -> Pixels:
    """Turns the picture of a HEIC or AVIF as its properties say; without any, as Exif does."""
    rotation, mirroring = ROTATION.search(data), MIRRORING.search(data)
    if rotation is None and mirroring is None:
        quarters, mirrored = TURNS.get(_exif_orientation(data), (0, False))
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, quarters))
    turned = np.rot90(pixels, rotation[1][0] & 3 if rotation else 0)
    if mirroring is not None:
        turned = turned[:, ::-1] if mirroring[1][0] & 1 else turned[::-1]
    return np.ascontiguousarray(turned)


def _exif_orientation(data: bytes) -> int:
    """Returns Exif's orientation, 1 to 8; 1 without it."""
    if (found := EXIF.search(data)) is None:
        return 1
    tiff = data[found.end() :]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == ORIENTATION_TAG:
                return int(value)
    except struct.error:  # it ends within its header
        pass
    return 1
