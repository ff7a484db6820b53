"""CREMA-D: acted North American English of 91 actors (Cao et al. 2014).

Reads the published layout, AudioWAV/AAAA_SSS_EEE_LL.wav (or any sound format): actor, sentence,
emotion and level. https://github.com/CheyneyComputerScience/CREMA-D
"""

import re
from pathlib import Path

from converter.datasets.recordings import Clip, Recordings, read_named, sound_files

LICENCE = "ODbL 1.0 (CREMA-D)"
NAME = re.compile(r"(?P<actor>1\d{3})_[A-Z]{3}_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_[A-Z]{2}")
CODES = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}


def is_here(path: Path) -> bool:
    """Whether `path`, or AudioWAV in it, has clips named as CREMA-D names them."""
    return any(map(_clip, _files(path)))


def load(path: Path) -> Recordings:
    """CREMA-D's sound; raises DatasetError."""
    return read_named("CREMA-D", LICENCE, _files(path), _clip)


def _clip(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    return Clip(file, CODES[match["emotion"]], match["actor"]) if match else None


def _files(path: Path) -> list[Path]:
    return sound_files(path / "AudioWAV" if (path / "AudioWAV").is_dir() else path, "*")
