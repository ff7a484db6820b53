"""Faces from labelled video clips: a folder with labels.csv, columns file, emotion and speaker.

A few frames of each clip, spread evenly over its length, are cropped as on the device: found by the
detector that ships, and aligned by the eyes. People who speak look different from posed ones, and
one person's frames are alike, so the split is by person. JAVED is published so.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets import label_table
from converter.datasets.face_crops import FaceCropper
from converter.datasets.files import first_reason, name_of
from converter.datasets.label_table import TABLE, Row
from converter.datasets.pictures import LABEL_OF, LABELS, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, split_by_group
from edge.capture.media import VIDEOS, read_frames
from edge.errors import SourceError
from edge.perception.features import Pixels

LICENCE = "that of the clips"
FRAMES = 8
"""Frames taken from each clip."""
READ_FPS = 8.0
# Indices modulo five of the sorted people.
TEST_OF_FIVE, HELD_BACK_OF_FIVE = 4, 3


def matches(path: Path) -> bool:
    """Returns True if `path` has a table of labels with video files in it."""
    return isinstance(label_table.root_of(path), Path) and label_table.lists_any(path, VIDEOS)


def load(path: Path) -> Splits:
    """Loads the main face of FRAMES frames of each clip, split by person. Raises DatasetError."""
    unusable: list[str] = []
    root = Path(str(label_table.root_of(path) or path))
    rows, notes = label_table.read_rows(root, VIDEOS, "videos", unusable)
    samples = _read(root, rows, unusable)
    people = sorted(set(samples.groups))
    held, tested = people[HELD_BACK_OF_FIVE::5], people[TEST_OF_FIVE::5]
    names = f"without {', '.join(sorted([*held, *tested]))}", f"people {', '.join(tested)}"
    return face_set(
        name_of(path),
        split_by_group(samples, held, tested),
        names,
        LICENCE,
        unusable,
        notes=notes,
    )


def _read(path: Path, rows: Sequence[Row], unusable: list[str]) -> Samples:
    """Reads the faces of each clip; groups are speakers. Raises DatasetError if none is left.

    Rows that cannot be used are added to `unusable`.
    """
    cropper = FaceCropper()
    pictures, labels, people = [], [], []
    for where, row in track(rows, description=f"{path.name}, reading", transient=True):
        label, speaker = LABEL_OF.get(row["emotion"].strip().lower()), row["speaker"].strip()
        if label is None or not speaker:
            reason = "no speaker" if label else f"no emotion is called {row['emotion']!r}"
            unusable.append(f"{where}: {row['file']}: {reason}")
            continue
        try:
            faces = faces_of(path / row["file"], cropper)
        except SourceError as error:
            unusable.append(f"{where}: {error}")
            continue
        if not faces:
            unusable.append(f"{where}: {row['file']}: no face in it")
        pictures += faces
        labels += [label] * len(faces)
        people += [speaker] * len(faces)
    if not pictures:
        raise DatasetError(f"{path / TABLE}: no usable clip in it{first_reason(unusable)}")
    return Samples(LABELS, pictures, one_hot(labels), tuple(people))


def faces_of(file: Path, cropper: FaceCropper) -> list[Pixels]:
    """Returns the largest face of a few frames, uint8[side, side] grey; raises SourceError."""
    # Reads twice, to count the frames first: all those of a long clip would fill the memory.
    count = sum(1 for _ in read_frames(file, READ_FPS))
    chosen = set(np.linspace(0, count - 1, FRAMES).round().astype(int).tolist())
    faces = []
    for index, frame in enumerate(read_frames(file, READ_FPS)):
        if index in chosen and (face := cropper.find(frame.pixels)) is not None:
            faces.append(cropper.crop(frame.pixels, face))
    return faces
