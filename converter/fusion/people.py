"""Predictions for the face and the voice of real people in labelled clips.

A folder has labels.csv, with the columns file, emotion and speaker, as JAVED does. Packs that were
trained without these people show what the models do with strangers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets import label_table
from converter.datasets.files import first_reason
from converter.datasets.samples import DatasetError
from converter.fusion.simulated_pairs import Cases, Indices
from edge.capture.decoder import DirectDecoder
from edge.capture.media import VIDEOS
from edge.config import Camera, Files, Models
from edge.emotions import EMOTIONS, FloatArray
from edge.errors import SourceError
from edge.fusion.pooling import pool_main
from edge.perception.loader import ModelLoader
from edge.values import Observation

MODALITIES = ("face", "speech")


@dataclass(frozen=True)
class People:
    """Predictions for the clips of several people, in the order of the table."""

    probabilities: FloatArray
    """float32[clips, 2, 7], of MODALITIES."""
    truth: Indices
    """Index of each clip's emotion among the seven."""
    names: tuple[str, ...]
    """The person in each clip."""
    durations_s: FloatArray
    """float32[clips]."""

    def part(self, rows: Indices) -> "People":
        """Returns some of the clips."""
        names = tuple(self.names[row] for row in rows)
        return People(self.probabilities[rows], self.truth[rows], names, self.durations_s[rows])

    @property
    def cases(self) -> Cases:
        """The clips as pairs of a face and a voice."""
        return Cases(self.probabilities, self.truth, MODALITIES)

    def left_out(self) -> Iterator[tuple["People", "People"]]:
        """Yields, for each person, the clips of all others and those of the person."""
        names = np.array(self.names)
        for name in sorted(set(self.names)):
            yield self.part(np.flatnonzero(names != name)), self.part(np.flatnonzero(names == name))


def predict_people(folders: Sequence[Path], models: Path) -> People:
    """Runs the packs in `models` on every clip with a face and a voice; raises DatasetError."""
    reader, unusable = _Reader(models), list[str]()
    found, labels, names, durations_s = [], [], [], []
    for folder in folders:
        rows, _ = label_table.read_rows(folder, VIDEOS, "videos", unusable)
        for where, row in track(rows, description=f"{folder.name}, watching", transient=True):
            emotion = row["emotion"].strip().lower()
            try:
                seen, duration_s = reader.read(folder / row["file"])
            except SourceError as error:
                unusable.append(f"{where}: {error}")
                continue
            if emotion not in EMOTIONS or not all(seen):
                unusable.append(f"{where}: {row['file']}: no face, no voice or no emotion")
                continue
            found.append([one.probabilities for one in seen if one is not None])
            labels.append(EMOTIONS.index(emotion))
            names.append(f"{folder.name} {row['speaker'].strip()}")
            durations_s.append(duration_s)
    if not found:
        raise DatasetError(f"{folders[0]}: no usable clip in it{first_reason(unusable)}")
    print(f"people: {len(found)} clips of {len(set(names))} people, {len(unusable)} unusable")
    return People(
        np.array(found, np.float32), np.array(labels), tuple(names), np.array(durations_s)
    )


class _Reader:
    """Reads clips as a whole, with the detector and the packs of a folder."""

    def __init__(self, models: Path) -> None:
        self._loader = ModelLoader(Models(folder=str(models)))
        self._decoder = DirectDecoder(Files())

    def read(self, path: Path) -> tuple[list[Observation | None], float]:
        """Returns the main face and the voice, each None if missing, and the duration."""
        perception, faces, duration_s = self._loader.new_face(), list[Observation](), 0.0
        for frame in self._decoder.frames(path, Camera().fps):
            duration_s = frame.captured_s
            if (primary := perception.perceive(frame).primary) is not None:
                faces.append(primary)
        voice = self._loader.new_speech().perceive_recording(self._decoder.sound(path))
        return [pool_main(faces), voice], duration_s
