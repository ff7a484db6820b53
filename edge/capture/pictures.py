"""Reads picture files: any format, depth and orientation, within the limits of size."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.capture.files import open_file
from edge.capture.heif import decode_heif, upright
from edge.capture.picture_header import bytes_per_pixel, claims_too_much, is_known, picture_size
from edge.capture.square import too_large
from edge.config import Files
from edge.errors import MissingExtraError, SourceError
from edge.values import Pixels

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors carry the cause
DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras have per sample; what has more than 8 comes in 16."""
UNSUPPORTED = {
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "Photoshop's format",
}
"""Starts of pictures that no decoder here reads."""
JPEG_START, JPEG_END, OTHER_BYTES = b"\xff\xd8", b"\xff\xd9", b"\x55\xaa" * 64
MAX_BYTES_PER_PIXEL = 8
"""Of a picture of the largest size: four samples of 16 bits; smaller ones may have more."""
MAX_PICTURE_BYTES = 500_000_000


def read_picture(path: Path, limits: Files | None = None) -> Pixels:
    """Reads a picture as uint8 HxWx3 BGR, turned upright; raises SourceError."""
    with open_file(path) as file, open(file, "rb", closefd=False) as opened:
        if (size := os.fstat(file).st_size) > MAX_PICTURE_BYTES:
            raise SourceError(f"{path}: {size} bytes are too many for a picture")
        data = opened.read()
    return decode_picture(data, path, limits)


def decode_picture(
    data: bytes, name: object, limits: Files | None = None, grey: bool = False
) -> Pixels:
    """Decodes a picture file as `read_picture` does; errors call it `name`.

    With `grey` it returns uint8 HxW.
    """
    if form := next((form for start, form in UNSUPPORTED.items() if data.startswith(start)), ""):
        raise SourceError(f"{name}: cannot decode {form}; convert it to JPEG or PNG")
    _check_size(data, str(name), limits or Files())
    if data[4:8] == b"ftyp":
        pixels = _decode_heif(data, name)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8) if grey else pixels
    flags = (cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR) | cv2.IMREAD_ANYDEPTH
    found = _decode(data, name, flags)
    if found is None and data.startswith(JPEG_START):
        found = _jpeg_without_end(data, name, flags)
    if found is None:
        raise SourceError(f"{name}: not a readable picture; is it complete?")
    return _to_8_bits(found)


def _decode(data: bytes, name: object, flags: int) -> npt.NDArray[Any] | None:
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise SourceError(f"{name}: it needs too much memory; make it smaller") from error
        raise SourceError(f"{name}: OpenCV refuses this picture ({error.err})") from error
    return None if found is None else np.asarray(found)


def _jpeg_without_end(data: bytes, name: object, flags: int) -> npt.NDArray[Any] | None:
    """Decodes a JPEG that lacks its end mark alone, as some cameras write it, else None.

    The decoder makes up what is missing of a picture, and would take other bytes for a part of it.
    """
    found = _decode(data + JPEG_END, name, flags)
    other = _decode(data + OTHER_BYTES + JPEG_END, name, flags)
    is_whole = found is not None and other is not None and np.array_equal(found, other)
    return found if is_whole else None


def _check_size(data: bytes, name: str, limits: Files) -> None:
    if data and not is_known(data):
        raise SourceError(
            f"{name}: not a readable picture: of no known format; convert it to JPEG or PNG"
        )
    if (size := picture_size(data)) is None:
        raise SourceError(f"{name}: not a readable picture; is it complete?")
    width, height = size
    if width * height > limits.max_picture_mpx * 1e6:
        raise SourceError(too_large(name, width, height))
    weight = width * height * bytes_per_pixel(data)
    if weight > limits.max_picture_mpx * 1e6 * MAX_BYTES_PER_PIXEL:
        raise SourceError(
            f"{name}: {width}x{height} pixels of {weight / width / height:g} bytes need too much "
            "memory; make it smaller, or its samples shorter"
        )
    if claims_too_much(data):
        raise SourceError(
            f"{name}: not a readable picture: its header claims more than its {len(data)} bytes; "
            "is it complete?"
        )


def _to_8_bits(pixels: npt.NDArray[Any]) -> Pixels:
    """Scales deeper samples by the bits that they use: a 12-bit sensor writes its values into 16.

    Floats are from 0 to 1. Works in place: a large picture of floats takes much memory already.
    """
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    if np.issubdtype(pixels.dtype, np.floating):
        np.nan_to_num(pixels, copy=False)
        np.clip(pixels, 0, 1, out=pixels)
        np.multiply(pixels, 255, out=pixels)
        return np.asarray(pixels, np.uint8)
    peak = int(pixels.max(initial=0))
    bits = next((bits for bits in DEPTHS if peak < 1 << bits), DEPTHS[-1])
    np.right_shift(pixels, bits - 8, out=pixels)
    return np.asarray(np.clip(pixels, 0, 255, out=pixels), np.uint8)


def _decode_heif(data: bytes, name: object) -> Pixels:
    form = "AVIF" if data[8:12].startswith(b"avi") else "HEIC"
    try:
        return decode_heif(data, f"{name}: cannot decode this {form}")
    except ImportError:
        # OpenCV decodes AVIF, but does not turn it.
        found = _decode(data, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if found is not None:
            return upright(np.asarray(found, np.uint8), data)
        raise MissingExtraError(
            f"{name}: cannot decode {form}; install `emotiond[media]`, or convert it to JPEG"
        ) from None
