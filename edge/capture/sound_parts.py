"""Finds all the sound of a file where its decoder does not, and what of it is missing."""

import mmap
import os
from dataclasses import dataclass
from itertools import pairwise

from edge.capture.claimed_size import missing_factor
from edge.capture.mp3 import Mp3, read_mp3
from edge.capture.region import Region
from edge.capture.wav import STRAY_BYTES, is_usual, is_wav, piece_of, read_wav

OGG_HEADER_BYTES = 27
OGG_FIRST_PAGE, OGG_LAST_PAGE = 2, 4
"""Flags of the first and last page of a logical stream."""


@dataclass(frozen=True)
class Part:
    """A piece of sound to be decoded on its own."""

    file: Region
    promised: float = 1.0
    """How many times as long it should be, by its header."""
    length_s: float | None = None
    """Its length by a header that its decoder does not tell of."""
    note: str = ""
    """What the user should know about it."""


def find_parts(file: int, name: str) -> list[Part]:
    """Returns the parts of an open sound file, nearly always one; raises OSError, SourceError."""
    start = os.pread(file, 12, 0)
    if is_wav(start):
        return _wav_parts(file, name)
    if start[:4] == b"OggS":
        return _ogg_parts(file)
    mp3 = read_mp3(file)
    return [Part(Region(file), missing_factor(file), mp3.length_s if mp3 else None)]


def is_mp3_of_unknown_length(file: int) -> bool:
    """Returns True for an MP3 whose length can only be guessed from its first frames."""
    return read_mp3(file) == Mp3(length_s=None)


def is_big_endian_wav(file: int) -> bool:
    """Returns True for a WAV in the byte order of other machines, which FFmpeg reads wrongly."""
    start = os.pread(file, 12, 0)
    return start[:4] == b"RIFX" and start[8:12] == b"WAVE"


def _wav_parts(file: int, name: str) -> list[Part]:
    """Returns a WAV as it is, or each piece of its sound with a header that is right."""
    wav, end = read_wav(file, name), os.fstat(file).st_size
    note = ""
    if wav.stray_bytes > STRAY_BYTES:
        note = f"{wav.stray_bytes} bytes after its sound were not heard; is its header damaged?"
    if is_usual(wav, end):
        return [Part(Region(file), note=note)]
    pieces = [piece_of(file, wav, at, size) for at, size in wav.pieces if at < end]
    return [Part(region, promised, note=note) for region, promised in pieces]


def _ogg_parts(file: int) -> list[Part]:
    """Returns each link of a chained Ogg, else the file as it is."""
    links, is_whole = _ogg_links(file)
    note = "" if is_whole else "the end of its sound is missing; is it complete?"
    if len(links) <= 2:
        return [Part(Region(file), note=note)]
    parts = [Part(Region(file, first, end - first)) for first, end in pairwise(links[:-1])]
    return [*parts, Part(Region(file, links[-2], links[-1] - links[-2]), note=note)]


def _ogg_links(file: int) -> tuple[list[int], bool]:
    """Returns where each link of a chained Ogg starts, the end, and if that is whole."""
    links, was_first, is_whole = [0], True, False
    with mmap.mmap(file, 0, prot=mmap.PROT_READ) as data:
        at = 0
        while (at := data.find(b"OggS", at)) >= 0 and at + OGG_HEADER_BYTES <= len(data):
            flags = data[at + 5]
            is_first = bool(flags & OGG_FIRST_PAGE)
            if is_first and not was_first:
                links.append(at)
            was_first = is_first
            table = data[at + OGG_HEADER_BYTES : at + OGG_HEADER_BYTES + data[at + 26]]
            at += OGG_HEADER_BYTES + len(table) + sum(table)
            is_whole = bool(flags & OGG_LAST_PAGE) and at <= len(data)
        return [*links, len(data)], is_whole
