"""Finds all the sound of a WAV, whatever the sizes in its header.

Recorders that are cut off, and programs that write into a pipe, cannot go back to the header and
leave sizes there that are zero, very large or some bytes wrong.
"""

import os
import struct
from dataclasses import dataclass

from edge.capture.region import Region
from edge.errors import SourceError

PLACEHOLDER = 0x7FFF0000
"""Sizes from here on stand for an unknown one: sox writes 0x7FFFF000, arecord 0x7FFFFF00, others
0xFFFFFFFF."""
STARTS = (b"RIFF", b"RF64", b"BW64")
MAX_CHUNKS = 1000
CHUNK_HEADER_BYTES = 8
FORMAT_BYTES = 14
"""Bytes of a format chunk up to the size of a sample."""
EXTENSIBLE, VALID_BITS_END = 0xFFFE, 20
"""Tag of a format chunk that gives the bits in use apart from those of a sample, and their end."""
MAX_SIZE = 0xFFFFFFFF
CHUNKS = (b"data", b"fmt ", b"LIST", b"fact", b"bext", b"cue ", b"id3 ", b"JUNK", b"PEAK", b"smpl")
"""Chunks that may follow one of an odd size to which no byte was added, as it should be."""
STRAY_BYTES = 8192
"""More bytes than these after the sound, no chunk, are worth a word: they may be sound."""


@dataclass(frozen=True)
class Wav:
    """Where the sound of a WAV is."""

    form: bytes
    """Its format chunk; empty if the sound comes before it."""
    pieces: tuple[tuple[int, int], ...]
    """Start and claimed size of each data chunk, nearly always one; 0 for an unknown size."""
    is_plain: bool
    """False if its chunks are not where the standard puts them."""
    stray_bytes: int
    """Bytes after the last chunk that are no chunk."""


def is_wav(start: bytes) -> bool:
    """Returns True for the first 12 bytes of a WAV, little-endian."""
    return start[:4] in STARTS and start[8:12] == b"WAVE"


def read_wav(file: int, name: str) -> Wav:
    """Reads the chunks of an open WAV; raises OSError, and SourceError if its format is damaged."""
    end = os.fstat(file).st_size
    at, form, large, is_plain = 12, b"", 0, True
    pieces: list[tuple[int, int]] = []
    for _ in range(MAX_CHUNKS):
        header = os.pread(file, CHUNK_HEADER_BYTES, at)
        if len(header) < CHUNK_HEADER_BYTES or (pieces and not _is_chunk(header, end - at)):
            break
        kind, size = header[:4], struct.unpack("<I", header[4:])[0]
        at += CHUNK_HEADER_BYTES
        if kind == b"data":
            size = large if size == MAX_SIZE and large else size
            is_known = 0 < size < PLACEHOLDER or size == large > 0
            pieces.append((at, size if is_known else 0))
            if not is_known or size >= end - at:
                at = end
                break
        elif kind == b"fmt ":
            form = os.pread(file, min(size, 1024), at)
            _check_format(form, name)
        elif kind == b"ds64":
            large = struct.unpack("<Q", os.pread(file, 16, at)[8:].ljust(8, b"\0"))[0]
        at += size
        if size % 2 and os.pread(file, 4, at) in CHUNKS:
            is_plain = False
        else:
            at += size % 2
    return Wav(form, tuple(pieces), is_plain, max(end - at, 0) if pieces else 0)


def piece_of(file: int, wav: Wav, at: int, size: int) -> tuple[Region, float]:
    """Returns a data chunk as a WAV of its own, and how many times as long it should be."""
    form = _usual(wav.form)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    available = os.fstat(file).st_size - at
    length = min(size or available, available, MAX_SIZE - len(chunks) - CHUNK_HEADER_BYTES)
    chunks += b"data" + struct.pack("<I", length)
    head = b"RIFF" + struct.pack("<I", len(chunks) + length) + chunks
    return Region(file, at, length, head), max(size / length, 1.0)


def is_usual(wav: Wav, end: int) -> bool:
    """Returns True for a WAV that decoders hear all of as it is; `end` is the size of the file."""
    if not wav.form or not wav.pieces or wav.pieces[0][0] >= end:
        return True
    at, size = wav.pieces[0]
    is_one = len(wav.pieces) == 1 and wav.is_plain and _usual(wav.form) == wav.form
    return is_one and 0 < size <= end - at


def _usual(form: bytes) -> bytes:
    """Returns a format chunk that says of all bits of a sample that they are in use.

    FFmpeg computes lengths from the bits in use, such as 24 of 32, as if they were all.
    """
    if len(form) < VALID_BITS_END or struct.unpack_from("<H", form)[0] != EXTENSIBLE:
        return form
    return form[: VALID_BITS_END - 2] + form[14:16] + form[VALID_BITS_END:]


def _is_chunk(header: bytes, room: int) -> bool:
    size = struct.unpack("<I", header[4:])[0]
    return header[:4].isascii() and header[:4].decode().isprintable() and size < room


def _check_format(form: bytes, name: str) -> None:
    if len(form) < FORMAT_BYTES:
        raise SourceError(f"{name}: the header of this WAV is cut off; is it complete?")
    _, channels, rate_hz, _, frame_bytes = struct.unpack_from("<HHIIH", form)
    if not (channels and rate_hz and frame_bytes):
        raise SourceError(
            f"{name}: the header of this WAV is damaged: {channels} channels of {rate_hz} Hz, "
            f"{frame_bytes} bytes a sample"
        )
