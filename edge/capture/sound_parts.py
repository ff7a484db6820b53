"""Finds all the sound of a file where its header does not say: streamed WAV, chained Ogg, MP3.

Recorders that are cut off, and programs that write into a pipe, cannot go back to the header and
leave sizes there that are zero, very large or some bytes wrong.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from itertools import pairwise

from edge.capture.region import Region
from edge.errors import SourceError

PLACEHOLDER = 0x7FFF0000
"""Sizes of a WAV from here on stand for an unknown one: sox writes 0x7FFFF000, arecord
0x7FFFFF00, others 0xFFFFFFFF."""
WAV_STARTS = (b"RIFF", b"RF64", b"BW64")
MAX_CHUNKS = 1000
CHUNK_HEADER_BYTES = 8
FORMAT_BYTES = 14
"""Bytes of a format chunk up to the size of a sample."""
MAX_SIZE = 0xFFFFFFFF
OGG_HEADER_BYTES = 27
OGG_FIRST_PAGE = 2
"""Flag of the first page of a logical stream."""
MPEG_HEAD_BYTES = 4096
LENGTHS = (b"Xing", b"Info", b"VBRI")
"""Marks of a header in an MP3 that gives its length."""


@dataclass(frozen=True)
class Part:
    """A piece of sound to be decoded on its own."""

    file: Region
    promised: float = 1.0
    """How many times as long it should be, by its header."""


def find_parts(file: int, name: str) -> list[Part]:
    """Returns the parts of an open sound file, nearly always one; raises OSError, SourceError."""
    start = os.pread(file, 12, 0)
    if start[:4] in WAV_STARTS and start[8:12] == b"WAVE":
        return [_wav(file, name)]
    if start[:4] == b"OggS":
        links = _ogg_links(file)
        if len(links) > 2:
            return [Part(Region(file, first, end - first)) for first, end in pairwise(links)]
    return [Part(Region(file))]


def _wav(file: int, name: str) -> Part:
    """Returns a WAV as it is, or with a new header if the size of its sound is not that of it."""
    end = os.fstat(file).st_size
    at, form, large = 12, b"", 0
    for _ in range(MAX_CHUNKS):
        header = os.pread(file, CHUNK_HEADER_BYTES, at)
        if len(header) < CHUNK_HEADER_BYTES:
            break
        kind, size = header[:4], struct.unpack("<I", header[4:])[0]
        at += CHUNK_HEADER_BYTES
        if kind == b"data":
            return _with_size(file, at, form, large if size == MAX_SIZE and large else size, end)
        if kind == b"fmt ":
            form = os.pread(file, min(size, 1024), at)
            _check_format(form, name)
        elif kind == b"ds64":
            large = struct.unpack("<Q", os.pread(file, 16, at)[8:].ljust(8, b"\0"))[0]
        at += size + size % 2
    return Part(Region(file))


def _check_format(form: bytes, name: str) -> None:
    if len(form) < FORMAT_BYTES:
        raise SourceError(f"{name}: the header of this WAV is cut off; is it complete?")
    _, channels, rate_hz, _, frame_bytes = struct.unpack_from("<HHIIH", form)
    if not (channels and rate_hz and frame_bytes):
        raise SourceError(
            f"{name}: the header of this WAV is damaged: {channels} channels of {rate_hz} Hz, "
            f"{frame_bytes} bytes a sample"
        )


def _with_size(file: int, at: int, form: bytes, size: int, end: int) -> Part:
    available = end - at
    is_known = 0 < size < PLACEHOLDER
    if not form or not available or (is_known and size <= available):
        return Part(Region(file))
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    available = min(available, MAX_SIZE - len(chunks) - CHUNK_HEADER_BYTES)
    chunks += b"data" + struct.pack("<I", available)
    head = b"RIFF" + struct.pack("<I", len(chunks) + available) + chunks
    return Part(Region(file, at, available, head), size / available if is_known else 1.0)


def _ogg_links(file: int) -> list[int]:
    """Returns where each link of a chained Ogg starts, and the file's end."""
    links, was_first = [0], True
    with mmap.mmap(file, 0, prot=mmap.PROT_READ) as data:
        at = 0
        while (at := data.find(b"OggS", at)) >= 0 and at + OGG_HEADER_BYTES <= len(data):
            is_first = bool(data[at + 5] & OGG_FIRST_PAGE)
            if is_first and not was_first:
                links.append(at)
            was_first = is_first
            table = data[at + OGG_HEADER_BYTES : at + OGG_HEADER_BYTES + data[at + 26]]
            at += OGG_HEADER_BYTES + len(table) + sum(table)
        return [*links, len(data)]


def is_mp3_of_unknown_length(file: int) -> bool:
    """Returns True for an MP3 whose length can only be guessed from its first frames."""
    start = os.pread(file, 10, 0)
    at = 0
    if start[:3] == b"ID3" and len(start) == 10:
        at = 10 + sum(byte << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True))
    head = os.pread(file, MPEG_HEAD_BYTES, at)
    # Layer 0 is AAC's.
    is_mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6
    return bool(is_mpeg) and not any(mark in head for mark in LENGTHS)
