"""Finds the damage in SQLite's write-ahead log, from which SQLite goes on as if it ended there.

Its frames hold new versions of pages. Each has a checksum that continues that of the frame before,
so SQLite cannot use what comes after a damaged one:
https://www.sqlite.org/fileformat2.html#walformat
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
"""SQLite's default, with which the file was made."""
HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
MAX_FRAMES = 50_000
"""Frames that are read, 200 MB, to bound the time."""


class Frame(NamedTuple):
    """A version of a page."""

    page: int
    at: int
    """Offset in the log, bytes."""
    ends_transaction: bool
    is_intact: bool
    """True if its own checksum holds."""
    is_used: bool
    """True if those of all frames before hold as well, so that SQLite uses it."""


def log_of(file: Path) -> Path:
    """Returns the write-ahead log of a database."""
    return file.with_name(f"{file.name}-wal")


def is_damaged(log: Path) -> bool:
    """Returns whether SQLite would not use all of a log."""
    return not all(one.is_used for one in frames(log))


def frames(log: Path) -> list[Frame]:
    """Returns the frames written since the log was last emptied, in order."""
    found: list[Frame] = []
    if not log.exists():
        return found
    with log.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return found
        salts, before = header[16:24], header[24:32]
        is_used = _checksum(header[:24]) == before
        while len(found) < MAX_FRAMES:
            at = file.tell() + FRAME_HEADER_BYTES
            frame = file.read(FRAME_HEADER_BYTES + PAGE_BYTES)
            if len(frame) < FRAME_HEADER_BYTES + PAGE_BYTES:
                break
            content = frame[:8] + frame[FRAME_HEADER_BYTES:]
            checksum, has_salts = frame[16:24], frame[8:16] == salts
            is_intact = _checksum(content, before) == checksum
            if not is_intact and not has_salts:
                break  # left from before it was last emptied
            is_used = is_used and is_intact and has_salts
            page, size = (int.from_bytes(frame[one : one + 4], "big") for one in (0, 4))
            found.append(Frame(page, at, size > 0, is_intact, is_used))
            before = checksum
    return found


def _fibonacci(count: int) -> NDArray[np.uint32]:
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append((numbers[-1] + numbers[-2]) % 2**32)
    return np.array(numbers, np.uint32)


WEIGHTS = _fibonacci((8 + PAGE_BYTES) // 4 + 2)


def _checksum(content: bytes, before: bytes = bytes(8)) -> bytes:
    """Returns SQLite's checksum of whole pairs of words, continued from that before.

    SQLite takes two words at a time: `s0 += x[i] + s1; s1 += x[i + 1] + s0`. That weights the words
    by Fibonacci numbers, the last one by the first, and what was there before by the next.
    """
    words, count = np.frombuffer(content, "<u4"), len(content) // 4
    first, second = struct.unpack(">2I", before)
    sums = []
    for shift in (0, 1):
        sum_of_words = int(np.dot(words, WEIGHTS[shift : count + shift][::-1]))
        first_weight, second_weight = (int(WEIGHTS[count + shift - one]) for one in (1, 0))
        sums.append((sum_of_words + first * first_weight + second * second_weight) % 2**32)
    return struct.pack(">2I", *sums)
