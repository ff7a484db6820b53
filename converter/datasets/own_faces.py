"""Own face pictures, crops or photographs, in any layout of `own_layout` or in labels.csv."""

from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets import label_table, own_layout
from converter.datasets.files import first_reason, name_of
from converter.datasets.own_labels import OwnLabels
from converter.datasets.own_layout import TEST, TRAIN, VAL, OwnFile, OwnFiles
from converter.datasets.own_splits import split, too_few
from converter.datasets.photographs import PhotographReader
from converter.datasets.pictures import LABEL_OF, LABELS, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.capture.media import PICTURES
from edge.perception.features import Pixels

LICENCE = "that of your own data"
KIND = "pictures"
STANDARD = OwnLabels(LABEL_OF)


def matches(path: Path, labels: OwnLabels = STANDARD) -> bool:
    """Returns True if `path`, a folder or a zip, has pictures by emotion or a table of them."""
    return label_table.lists_any(path, PICTURES) or own_layout.matches(path, PICTURES, labels)


def load(path: Path, labels: OwnLabels = STANDARD) -> Splits:
    """Loads the pictures, split as their folders say, by person or at random. Raises DatasetError.

    The face of a whole photograph is found and cropped as on the device.
    """
    found = _find(path, labels)
    reader, unusable = PhotographReader(), list(found.unusable)
    kept, pictures = list[OwnFile](), list[Pixels]()
    for one in track(found.files, description=f"{name_of(path)}, reading", transient=True):
        picture = reader.read(one.file)
        if isinstance(picture, str):
            unusable.append(f"{one.file}: {picture}")
            continue
        kept.append(one)
        pictures.append(picture)
    if not pictures:
        raise DatasetError(f"{path}: no usable picture{first_reason(unusable)}")
    names = (*LABELS, *labels.added)
    targets = one_hot([one.label for one in kept], names)
    samples = Samples(names, pictures, targets, tuple(one.person for one in kept))
    splits = split(kept)
    parts = np.array(splits.parts)
    train, held_back, test = (samples.subset(np.flatnonzero(parts == one)) for one in SPLITS)
    return face_set(
        name_of(path),
        (train, held_back, test),
        (splits.train_name if len(train) and len(held_back) else "", splits.test_name),
        LICENCE,
        unusable,
        notes=(
            f"read as {found.layout}; {splits.sentence}",
            *found.notes,
            *too_few(kept, KIND),
            *reader.notes,
        ),
    )


SPLITS = (TRAIN, VAL, TEST)


def _find(path: Path, labels: OwnLabels) -> OwnFiles:
    if label_table.lists_any(path, PICTURES):
        return label_table.find_files(path, PICTURES, KIND, labels)
    return own_layout.find_files(path, PICTURES, KIND, labels)


def refuse_unknown(path: Path, labels: OwnLabels) -> None:
    """Raises DatasetError that says what to do if `path` has pictures of unknown labels alone."""
    own_layout.refuse_unknown(path, PICTURES, KIND, labels)
