"""SAVEE: four men of Surrey, acted British English (Haq and Jackson 2010).

Reads the published layout, AudioData/SS/eNN.wav with the speaker as folder, and the flat one,
SS_eNN.wav. http://kahlan.eps.surrey.ac.uk/savee/
"""

import re
from pathlib import Path

from converter.datasets.recordings import Clip, Recordings, read_named, sound_files

LICENCE = "research use only (SAVEE)"
SPEAKERS = ("DC", "JE", "JK", "KL")
NAME = re.compile(r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>sa|su|[adfhn])\d\d")
CODES = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}


def is_here(path: Path) -> bool:
    """Whether there are clips named as SAVEE names them, in `path` or below."""
    return any(map(_clip, sound_files(path)))


def load(path: Path) -> Recordings:
    """SAVEE; raises DatasetError."""
    return read_named("SAVEE", LICENCE, sound_files(path), _clip)


def _clip(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    speaker = match and (match["speaker"] or file.parent.name)
    if match is None or speaker not in SPEAKERS:
        return None
    return Clip(file, CODES[match["emotion"]], speaker)
