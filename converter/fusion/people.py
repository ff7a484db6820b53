"""Predictions for the face and the voice of real people in labelled clips.

A folder has labels.csv, with the columns file, emotion and speaker, as JAVED does. Packs that were
trained without these people show what the models do with strangers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets import label_table
from converter.datasets.files import first_reason
from converter.datasets.pictures import LABEL_OF
from converter.datasets.samples import DatasetError
from converter.fusion.simulated_pairs import Cases, Indices
from converter.tasks.face import FaceTask
from edge.capture.decoder import DirectDecoder
from edge.capture.media import VIDEOS
from edge.config import Camera, Files, Models
from edge.emotions import EMOTIONS, Emotion, FloatArray
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
    reader, unusable, clips = _Reader(models), list[str](), list[_Clip]()
    for folder in folders:
        rows, _ = label_table.read_rows(folder, VIDEOS, "videos", unusable)
        for where, row in track(rows, description=f"{folder.name}, watching", transient=True):
            try:
                clips.append(reader.read(folder, row))
            except (SourceError, DatasetError) as error:
                unusable.append(f"{where}: {error}")
    if not clips:
        raise DatasetError(f"{folders[0]}: no usable clip in it{first_reason(unusable)}")
    people = len({one.name for one in clips})
    print(f"people: {len(clips)} clips of {people} people{first_reason(unusable)}")
    return People(
        np.array([one.probabilities for one in clips], np.float32),
        np.array([EMOTIONS.index(one.emotion) for one in clips]),
        tuple(one.name for one in clips),
        np.array([one.duration_s for one in clips], np.float32),
    )


@dataclass(frozen=True)
class _Clip:
    probabilities: list[FloatArray]
    """Of MODALITIES."""
    emotion: Emotion
    name: str
    duration_s: float


class _Reader:
    """Reads clips as a whole, with the detector and the packs of a folder."""

    def __init__(self, models: Path) -> None:
        self._loader = ModelLoader(Models(folder=str(models)))
        self._decoder = DirectDecoder(Files())

    def read(self, folder: Path, row: Mapping[str, str]) -> _Clip:
        """Reads the main face and the voice of a row's clip; raises SourceError, DatasetError."""
        file, speaker = row["file"], row["speaker"].strip()
        emotion = FaceTask.label_map.get(LABEL_OF.get(row["emotion"].strip().lower(), ""))
        if emotion is None:
            raise DatasetError(f"{file}: {row['emotion']!r} is none of the seven emotions")
        if not speaker:
            raise DatasetError(f"{file}: no speaker")
        face, duration_s = self._face(folder / file)
        voice = self._loader.new_speech().perceive_recording(self._decoder.sound(folder / file))
        if face is None or voice is None:
            raise DatasetError(f"{file}: no {'voice' if face else 'face'} in it")
        answers = [face.probabilities, voice.probabilities]
        return _Clip(answers, emotion, f"{folder.name} {speaker}", duration_s)

    def _face(self, file: Path) -> tuple[Observation | None, float]:
        """Returns the main face, None without any, and the duration."""
        perception, faces, duration_s = self._loader.new_face(), list[Observation](), 0.0
        for frame in self._decoder.frames(file, Camera().fps):
            duration_s = frame.captured_s
            if (primary := perception.perceive(frame).primary) is not None:
                faces.append(primary)
        return pool_main(faces), duration_s
