"""RAVDESS: acted North American English speech (Livingstone and Russo 2018).

Reads the published layout, Actor_NN/03-01-EE-II-SS-RR-NN.wav (or any sound format), where the
third field is the emotion and the last the actor. https://zenodo.org/records/1188976
"""

import re
from pathlib import Path

import numpy as np

from converter.samples import DatasetError, Samples, Splits
from edge.capture.media import read_sound
from edge.errors import SourceError

LICENCE = "CC BY-NC-SA 4.0 (RAVDESS): not for commercial use"
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
# Chosen before anything was trained: the last actors of the set, as many women as men.
TEST_ACTORS = frozenset({"21", "22", "23", "24"})
HELD_BACK_ACTORS = frozenset({"17", "18"})
# Audio-only speech: the song recordings of the same actors have vocal channel 02.
NAME = re.compile(r"03-01-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<actor>\d\d)")


def load(path: Path) -> Splits:
    """RAVDESS speech as int16 samples at 16 kHz, split by actor.

    Raises DatasetError where `path` holds no file named as RAVDESS names them.
    """
    sounds, emotions, actors = [], [], []
    unusable: list[str] = []
    for file in sorted(path.glob("Actor_*/*")):
        match = NAME.fullmatch(file.stem)
        emotion = int(match["emotion"]) - 1 if match else -1
        if match is None or not 0 <= emotion < len(LABELS):
            unusable.append(f"{file}: not named as a RAVDESS speech clip")
            continue
        try:
            sounds.append(read_sound(file))
        except SourceError as error:
            unusable.append(str(error))
            continue
        emotions.append(emotion)
        actors.append(match["actor"])
    if not sounds:
        raise DatasetError(f"{path}: no Actor_NN/03-01-….wav in it; expected RAVDESS's layout")
    everything = Samples(
        LABELS, sounds, np.eye(len(LABELS), dtype=np.float32)[emotions], tuple(actors)
    )
    wanted = frozenset(actors) - TEST_ACTORS - HELD_BACK_ACTORS, HELD_BACK_ACTORS, TEST_ACTORS
    train, held_back, test = (_of_actors(everything, chosen) for chosen in wanted)
    return Splits(
        "RAVDESS", train, held_back, test, _named(train), _named(test), LICENCE, tuple(unusable)
    )


def _named(samples: Samples) -> str:
    return "actors " + ", ".join(sorted(set(samples.groups)))


def _of_actors(samples: Samples, actors: frozenset[str]) -> Samples:
    if actors.isdisjoint(samples.groups):
        raise DatasetError(
            f"no clip of actors {', '.join(sorted(actors)) or 'to train on'} is here; "
            f"found actors {', '.join(sorted(set(samples.groups)))}"
        )
    return samples.of_groups(actors)
