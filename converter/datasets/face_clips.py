"""Faces from labelled video clips: a folder with labels.csv, columns file, emotion and speaker.

A few frames of each clip, spread evenly over its length, are cropped as on the device: found by the
detector that ships, and aligned by the eyes. People who speak look different from posed ones, and
one person's frames are alike, so the split is by person. JAVED is published so.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from converter.datasets.files import read_table
from converter.datasets.pictures import LABEL_OF, LABELS, LARGEST_SIDE, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.capture.media import VIDEOS, read_frames
from edge.errors import SourceError
from edge.perception.detector import Detector, open_detector
from edge.perception.face import align
from edge.perception.features import Pixels
from edge.perception.pack import load_pack
from edge.resources import MODELS
from edge.values import Frame

TABLE = "labels.csv"
COLUMNS = ("file", "emotion", "speaker")
LICENCE = "that of the clips"
FRAMES = 8
"""Frames taken from each clip."""
READ_FPS = 8.0
MIN_SCORE = 0.6
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
    detector = open_detector(load_pack(MODELS / "detector-short.json"), MIN_SCORE)
    pictures, labels, people = [], [], []
    rows = list(_videos(path))
    for where, row in track(rows, description=f"{path.name}, reading", transient=True):
        label = LABEL_OF.get(row["emotion"].lower())
        if label is None:
            unusable.append(f"{where}: no emotion is called {row['emotion']!r}")
            continue
        try:
            faces = _faces(path / row["file"], detector)
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
    parts = {person: index % 5 for index, person in enumerate(everyone)}
    held, tested = (
        {person for person, part in parts.items() if part == which}
        for which in (HELD_BACK_OF_FIVE, TEST_OF_FIVE)
    )
    return Splits(
        path.name,
        samples.of_groups(set(everyone) - held - tested),
        samples.of_groups(held),
        samples.of_groups(tested),
        f"without {', '.join(sorted(held | tested))}",
        f"people {', '.join(sorted(tested))}",
        LICENCE,
        tuple(unusable),
    )


def _videos(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for where, row in read_table(path / TABLE, COLUMNS):
        if Path(row["file"]).suffix.lower() in VIDEOS:
            yield where, row


def _faces(file: Path, detector: Detector) -> list[Pixels]:
    """Returns the largest face of a few frames, uint8[side, side] grey; raises SourceError."""
    frames = list(read_frames(file, READ_FPS))
    chosen = np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int))
    crops = (_crop(frames[index], detector) for index in chosen) if frames else ()
    return [crop for crop in crops if crop is not None]


def _crop(frame: Frame, detector: Detector) -> Pixels | None:
    faces = detector.detect(frame.pixels)
    if not faces:
        return None
    aligned = align(frame.pixels, faces[0], LARGEST_SIDE)
    return np.asarray(cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY), np.uint8)
