"""RAVDESS: acted North American English speech (Livingstone and Russo 2018).

Reads the published layout, Actor_NN/03-01-EE-II-SS-RR-NN.wav (or any sound format), where the
third field is the emotion and the last the actor. https://zenodo.org/records/1188976
"""

import re
from pathlib import Path

from converter.datasets.recordings import LABELS, Clip, Recordings, read_named, sound_files

LICENCE = "CC BY-NC-SA 4.0 (RAVDESS): not for commercial use"
# Audio-only speech: the song recordings of the same actors have vocal channel 02.
NAME = re.compile(r"03-01-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<actor>\d\d)")


def is_here(path: Path) -> bool:
    """Whether `path` has folders of actors with clips named as RAVDESS names them."""
    return any(map(_clip, _files(path)))


def load(path: Path) -> Recordings:
    """RAVDESS speech; raises DatasetError."""
    return read_named("RAVDESS", LICENCE, _files(path), _clip)


def _clip(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    return Clip(file, LABELS[int(match["emotion"]) - 1], match["actor"]) if match else None


def _files(path: Path) -> list[Path]:
    return sound_files(path, "Actor_*/*")
