"""KDEF: seventy people pose seven emotions, seen from five sides (Lundqvist, Flykt, Öhman 1998).

Reads pictures named as AF01ANS.JPG, in a folder per person or not: session, sex and number of the
person, emotion and side. The camera of a device sees faces from the front, so full profiles are
left out. Pictures are cropped as on the device, and split by person.

Ask for it at https://kdef.se. For non-commercial research only.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.files import Root, children, find_root, first_reason
from converter.datasets.own_layout import TEST, TRAIN, VAL, OwnFile
from converter.datasets.own_splits import split
from converter.datasets.photographs import PhotographReader
from converter.datasets.pictures import LABELS, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.perception.features import Pixels

DATASET = "KDEF"
LICENCE = "non-commercial research only (KDEF)"
PICTURE = re.compile(
    r"[AB](?P<person>[FM]\d\d)(?P<emotion>AF|AN|DI|HA|NE|SA|SU)(?P<side>FL|HL|S|HR|FR)\.jpe?g", re.I
)
EMOTIONS = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
PROFILES = ("FL", "FR")


def _files(folder: Root) -> Iterator[tuple[Root, re.Match[str]]]:
    for one in children(folder):
        inside = children(one) if one.is_dir() else [one]
        found = ((file, PICTURE.fullmatch(file.name)) for file in inside)
        yield from ((file, match) for file, match in found if match)


def _root(path: Path) -> Root | None:
    return find_root(path, ("KDEF",), lambda folder: next(_files(folder), None) is not None)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has pictures named as in KDEF."""
    return _root(path) is not None


def load(path: Path) -> Splits:
    """Loads the pictures, split by person. Raises DatasetError."""
    reader, unusable = PhotographReader(), list[str]()
    described = list(_files(_root(path) or path))
    seen = [one for one in described if one[1]["side"].upper() not in PROFILES]
    kept, pictures = list[OwnFile](), list[Pixels]()
    for file, match in track(seen, description=f"{DATASET}, reading", transient=True):
        picture = reader.read(file)
        if isinstance(picture, str):
            unusable.append(f"{file}: {picture}")
            continue
        label = EMOTIONS[match["emotion"].upper()]
        kept.append(OwnFile(file, label, person=match["person"].upper()))
        pictures.append(picture)
    if not pictures:
        raise DatasetError(f"{path}: no usable picture{first_reason(unusable)}")
    splits = split(kept)
    people = tuple(one.person for one in kept)
    samples = Samples(LABELS, pictures, one_hot([one.label for one in kept]), people)
    rows = [np.flatnonzero(np.array(splits.parts) == part) for part in (TRAIN, VAL, TEST)]
    train, held_back, test = (samples.subset(one) for one in rows)
    names = splits.train_name, splits.test_name
    lost = len(described) - len(seen)
    notes = splits.sentence, f"{lost} full profiles are left out", *reader.notes
    labels = tuple(EMOTIONS.values())
    return face_set(DATASET, (train, held_back, test), names, LICENCE, unusable, labels, notes)
