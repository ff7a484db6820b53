"""TESS: two actresses of Toronto, a word in each sentence (Pichora-Fuller and Dupuis 2020).

Reads the published names, OAF_word_emotion.wav (or any sound format), in folders or not; the older
actress is OAF (once OA), the younger YAF. https://doi.org/10.5683/SP2/E8H2MF
"""

import re
from pathlib import Path

from converter.datasets.recordings import NAMES, Clip, Recordings, read_named, sound_files

LICENCE = "CC BY-NC-ND 4.0 (TESS): not for commercial use"
NAME = re.compile(
    r"(?P<actress>OAF?|YAF)_[a-z]+_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)", re.I
)
# "Pleasant surprise" is what the two letters stand for.
CODES = {**NAMES, "ps": "surprised"}


def is_here(path: Path) -> bool:
    """Whether there are clips named as TESS names them, in `path` or below."""
    return any(map(_clip, sound_files(path)))


def load(path: Path) -> Recordings:
    """TESS; raises DatasetError."""
    return read_named("TESS", LICENCE, sound_files(path), _clip)


def _clip(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    if match is None:
        return None
    return Clip(file, CODES[match["emotion"].lower()], match["actress"][:2].upper())
