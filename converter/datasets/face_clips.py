"""Faces from labelled video clips: a folder with labels.csv, columns file, emotion and speaker.

A few frames of each clip, spread evenly over its length, are cropped as on the device: found by the
detector that ships, and aligned by the eyes. People who speak look different from posed ones, and
one person's frames are alike, so the split is by person. JAVED is published so.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.face_crops import FaceCropper
from converter.datasets.files import name_of, read_table
from converter.datasets.pictures import LABEL_OF, LABELS, one_hot, scheme
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, split_by_group
from edge.capture.media import VIDEOS, read_frames
from edge.errors import SourceError
from edge.perception.features import Pixels

TABLE = "labels.csv"
COLUMNS = ("file", "emotion", "speaker")
LICENCE = "that of the clips"
FRAMES = 8
"""Frames taken from each clip."""
READ_FPS = 8.0
# Indices modulo five of the sorted people.
TEST_OF_FIVE, HELD_BACK_OF_FIVE = 4, 3


def matches(path: Path) -> bool:
    """Returns True if `path` has a table of labels with video files in it."""
    if not (path / TABLE).is_file():
        return False
    try:
        return any(True for _ in _videos(path))
    except DatasetError:
        return False


def load(path: Path) -> Splits:
    """Loads the main face of FRAMES frames of each clip, split by person. Raises DatasetError."""
    unusable: list[str] = []
    cropper = FaceCropper()
    pictures, labels, people = [], [], []
    rows = list(_videos(path))
    for where, row in track(rows, description=f"{path.name}, reading", transient=True):
        label = LABEL_OF.get(row["emotion"].lower())
        if label is None:
            unusable.append(f"{where}: no emotion is called {row['emotion']!r}")
            continue
        try:
            faces = _faces(path / row["file"], cropper)
        except SourceError as error:
            unusable.append(f"{where}: {error}")
            continue
        if not faces:
            unusable.append(f"{where}: {row['file']}: no face in it")
        pictures += faces
        labels += [label] * len(faces)
        people += [row["speaker"]] * len(faces)
    if not pictures:
        raise DatasetError(f"{path / TABLE}: no clip with a face and a known emotion")
    samples = Samples(LABELS, pictures, one_hot(labels), tuple(people))
    everyone = sorted(set(people))
    train, held_back, test = split_by_group(
        samples, everyone[HELD_BACK_OF_FIVE::5], everyone[TEST_OF_FIVE::5]
    )
    dataset, test_split = name_of(path), f"people {', '.join(sorted(set(test.groups)))}"
    return Splits(
        (dataset,),
        train,
        held_back,
        test,
        (f"without {', '.join(sorted({*held_back.groups, *test.groups}))}",),
        test_split,
        LICENCE,
        tuple(unusable),
        schemes=scheme(dataset, test_split, [samples]),
    )


def _videos(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for where, row in read_table(path / TABLE, COLUMNS):
        if Path(row["file"]).suffix.lower() in VIDEOS:
            yield where, row


def _faces(file: Path, cropper: FaceCropper) -> list[Pixels]:
    """Returns the largest face of a few frames, uint8[side, side] grey; raises SourceError."""
    frames = [one.pixels for one in read_frames(file, READ_FPS)]
    chosen = np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))
    found = ((frames[index], cropper.find(frames[index])) for index in chosen) if frames else ()
    return [cropper.crop(pixels, face) for pixels, face in found if face is not None]
