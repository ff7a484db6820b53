"""AFEW: clips of films, one of seven emotions each, of the EmotiW challenges (Dhall et al. 2012).

Reads Train_AFEW/EMOTION/NNNNNNNNN.avi and Val_AFEW/EMOTION/…: eight frames of each clip, their
largest face cropped as on the device. Val_AFEW is the test, as labels of the test set were never
published; a tenth of the training clips is held back. Films are split by the publishers.

Ask for it at https://sites.google.com/view/emotiw2020. For research only, no redistribution.
"""

from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.face_clips import faces_of
from converter.datasets.face_crops import FaceCropper
from converter.datasets.files import Root, children, find_root, first_reason
from converter.datasets.own_faces import STANDARD
from converter.datasets.own_layout import TEST, TRAIN, VAL, find_files
from converter.datasets.own_splits import split
from converter.datasets.pictures import LABELS, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.capture.media import VIDEOS
from edge.errors import SourceError
from edge.perception.features import Pixels

DATASET = "AFEW"
LICENCE = "research only, no redistribution (AFEW)"
FOLDERS = ("train_afew", "val_afew")
NAMES = ("Train_AFEW", "Val_AFEW")
ANNOTATED = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def _holds(folder: Root) -> bool:
    return {one.name.lower() for one in children(folder)}.issuperset(FOLDERS)


def matches(path: Path) -> bool:
    """Returns True if `path` is an unpacked folder with both sets."""
    return isinstance(find_root(path, (), _holds), Path)


def load(path: Path) -> Splits:
    """Loads the faces of the clips. Raises DatasetError."""
    found = find_files(path, VIDEOS, "clips", STANDARD)
    unusable, cropper = list(found.unusable), FaceCropper()
    parts = split(found.files).parts
    pictures, labels, split_of_each = list[Pixels](), list[str](), list[str]()
    clips = list(zip(found.files, parts, strict=True))
    for one, part in track(clips, description=f"{DATASET}, reading", transient=True):
        try:
            faces = faces_of(Path(str(one.file)), cropper)
        except SourceError as error:
            unusable.append(str(error))
            continue
        if not faces:
            unusable.append(f"{one.file}: no face in it")
        pictures += faces
        labels += [one.label] * len(faces)
        split_of_each += [part] * len(faces)
    if not pictures:
        raise DatasetError(f"{path}: no usable clip{first_reason(unusable)}")
    samples = Samples(LABELS, pictures, one_hot(labels), (DATASET,) * len(pictures))
    rows = [np.flatnonzero(np.array(split_of_each) == part) for part in (TRAIN, VAL, TEST)]
    train, held_back, test = (samples.subset(one) for one in rows)
    return face_set(DATASET, (train, held_back, test), NAMES, LICENCE, unusable, ANNOTATED)
