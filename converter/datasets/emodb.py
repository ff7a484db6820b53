"""EMO-DB, the Berlin database: ten German actors (Burkhardt et al. 2005).

Reads the published layout, wav/SSTTTEv.wav (or any sound format): speaker, text, the first letter
of the German word for the emotion, and version. http://emodb.bilderbar.info
"""

import re
from pathlib import Path

from converter.datasets.recordings import Clip, Recordings, read_named, sound_files

LICENCE = "free to use, cite the paper (EMO-DB)"
NAME = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]?")
CODES: dict[str, str | None] = {
    "W": "angry",
    "L": None,  # boredom
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}


def is_here(path: Path) -> bool:
    """Whether `path`, or wav in it, has clips named as EMO-DB names them."""
    return any(map(_clip, _files(path)))


def load(path: Path) -> Recordings:
    """EMO-DB without boredom; raises DatasetError."""
    return read_named("EMO-DB", LICENCE, _files(path), _clip)


def _clip(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    return Clip(file, CODES[match["emotion"]], match["speaker"]) if match else None


def _files(path: Path) -> list[Path]:
    return sound_files(path / "wav" if (path / "wav").is_dir() else path, "*")
