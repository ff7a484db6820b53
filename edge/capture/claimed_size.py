"""Compares the size that a file claims in its header with the one that it has.

FFmpeg takes the length of some containers from the size of the file, and so does not notice the
missing end of an interrupted download.
"""

import os
import struct
from collections.abc import Callable

UNKNOWN_32, UNKNOWN_64 = 0x7FFF0000, 1 << 62
"""Sizes from here on, and 0, are those of a recorder that could not know it."""
MAX_CHUNKS = 1000
CAF_HEADER_BYTES, CAF_CHUNK_HEADER_BYTES = 8, 12
WAVE64_SIZE_AT = 16
ASF_HEADER_BYTES, ASF_OBJECT_HEADER_BYTES = 30, 24
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF_SIZE_AT, ASF_FLAGS_AT = 40, 88
"""Places within the object with the properties of the file."""
ASF_BROADCAST = 1
"""Flag of a live recording, whose size is not valid."""


def missing_factor(file: int) -> float:
    """Returns how many times as large an open file should be by its header, at least 1.

    1 too for containers of which FFmpeg itself knows the length. Raises OSError.
    """
    start = os.pread(file, 12, 0)
    read = next((read for is_one, read in READERS if is_one(start)), None)
    if read is None:
        return 1.0
    try:
        claimed = read(file)
    except struct.error:  # it ends within its header
        return 1.0
    return max(claimed / os.fstat(file).st_size, 1.0)


def _avi(file: int) -> int:
    (size,) = struct.unpack("<I", os.pread(file, 4, 4))
    return 8 + size if size < UNKNOWN_32 else 0


def _wave64(file: int) -> int:
    (size,) = struct.unpack("<Q", os.pread(file, 8, WAVE64_SIZE_AT))
    return size if size < UNKNOWN_64 else 0


def _caf(file: int) -> int:
    at = CAF_HEADER_BYTES
    for _ in range(MAX_CHUNKS):
        kind, size = struct.unpack(">4sQ", os.pread(file, CAF_CHUNK_HEADER_BYTES, at))
        at += CAF_CHUNK_HEADER_BYTES
        if size >= UNKNOWN_64:
            break
        at += size
        if kind == b"data":
            return int(at)
    return 0


def _asf(file: int) -> int:
    at = ASF_HEADER_BYTES
    for _ in range(MAX_CHUNKS):
        kind, size = struct.unpack("<16sQ", os.pread(file, ASF_OBJECT_HEADER_BYTES, at))
        if kind == ASF_FILE_PROPERTIES:
            (claimed,) = struct.unpack("<Q", os.pread(file, 8, at + ASF_SIZE_AT))
            (flags,) = struct.unpack("<I", os.pread(file, 4, at + ASF_FLAGS_AT))
            return 0 if flags & ASF_BROADCAST or claimed >= UNKNOWN_64 else claimed
        if size < ASF_OBJECT_HEADER_BYTES or size >= UNKNOWN_64:
            break
        at += size
    return 0


READERS: tuple[tuple[Callable[[bytes], bool], Callable[[int], int]], ...] = (
    (lambda start: start[:4] == b"RIFF" and start[8:12] == b"AVI ", _avi),
    (lambda start: start.startswith(b"riff\x2e\x91\xcf\x11"), _wave64),
    (lambda start: start.startswith(b"caff"), _caf),
    (lambda start: start.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), _asf),
)
"""The reader of each container, by the first 12 bytes of its files; 0 for an unknown size."""
