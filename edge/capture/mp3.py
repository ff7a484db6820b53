"""Reads the length that the header of an MP3 gives; FFmpeg guesses one where there is none."""

import os
import struct
from dataclasses import dataclass

HEAD_BYTES = 4096
XING, VBRI = (b"Xing", b"Info"), b"VBRI"
"""Marks of a header that gives the length."""
HAS_FRAMES = 1
"""Flag of a Xing header with a number of frames."""
XING_FRAMES_AT, VBRI_FRAMES_AT = 8, 14
MPEG_1 = 3
RATES_HZ = (44_100, 48_000, 32_000)
RATE_DIVISORS = {3: 1, 2: 2, 0: 4}
"""By version: MPEG-1, MPEG-2, and MPEG-2.5."""
FRAME_SAMPLES, SHORT_FRAME_SAMPLES = 1152, 576


@dataclass(frozen=True)
class Mp3:
    """What the start of an MP3 says."""

    length_s: float | None
    """None if it does not give its length."""


def read_mp3(file: int) -> Mp3 | None:
    """Reads the start of an open file; returns None if it is no MP3. Raises OSError."""
    start = os.pread(file, 10, 0)
    at = 0
    if start[:3] == b"ID3" and len(start) == 10:
        at = 10 + sum(byte << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True))
    head = os.pread(file, HEAD_BYTES, at)
    # Layer 0 is AAC's.
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or not head[1] & 6:
        return None
    frames = _frames(head)
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3
    if not frames or version not in RATE_DIVISORS or rate == len(RATES_HZ):
        return Mp3(None)
    samples = FRAME_SAMPLES if version == MPEG_1 else SHORT_FRAME_SAMPLES
    return Mp3(frames * samples * RATE_DIVISORS[version] / RATES_HZ[rate])


def _frames(head: bytes) -> int:
    """Returns the number of frames; 0 if the header does not give it."""
    mark = next((at for one in XING if (at := head.find(one)) >= 0), -1)
    try:
        if mark >= 0:
            flags, frames = struct.unpack_from(">II", head, mark + XING_FRAMES_AT - 4)
            return int(frames) if flags & HAS_FRAMES else 0
        if (mark := head.find(VBRI)) >= 0:
            return int(struct.unpack_from(">I", head, mark + VBRI_FRAMES_AT)[0])
    except struct.error:  # it ends within its header
        pass
    return 0
