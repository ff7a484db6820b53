"""Own recordings, in any sound format and any layout of `own_layout`."""

from dataclasses import replace
from pathlib import Path

from converter.datasets import own_layout
from converter.datasets.files import name_of
from converter.datasets.own_labels import OwnLabels
from converter.datasets.own_layout import OwnFiles
from converter.datasets.own_splits import split, too_few
from converter.datasets.recordings import (
    LABEL_OF,
    LABELS,
    Clip,
    Recordings,
    read_clips,
    show_several,
)
from edge.capture.media import SOUNDS

LICENCE = "that of your own data"
KIND = "recordings"
STANDARD = OwnLabels(LABEL_OF)


def matches(path: Path, labels: OwnLabels = STANDARD) -> bool:
    """Returns True if `path`, a folder or a zip, has recordings in folders of emotions."""
    return own_layout.matches(path, SOUNDS, labels)


def load(path: Path, labels: OwnLabels = STANDARD) -> Recordings:
    """Loads the recordings; raises DatasetError."""
    found = own_layout.find_files(path, SOUNDS, KIND, labels)
    return read_own(path, LICENCE, found, labels)


def read_own(path: Path, licence: str, found: OwnFiles, labels: OwnLabels) -> Recordings:
    """Reads the recordings found at `path`, split as other data of a user's own.

    Those of several speakers who mostly show one emotion each have no splits: they are for
    training only. Raises DatasetError.
    """
    people = {one.person for one in found.files} - {""}
    is_split = any(one.split for one in found.files) or len(people) < 2
    is_judged = show_several((one.person, one.label) for one in found.files)
    splits = split(found.files) if is_split or is_judged else None
    parts = splits.parts if splits else [""] * len(found.files)
    clips = [
        Clip(one.file, one.label, one.person, part)
        for one, part in zip(found.files, parts, strict=True)
    ]
    names = (*LABELS, *labels.added)
    recordings = read_clips(name_of(path), licence, clips, found.unusable, names)
    how = splits.sentence if splits else f"{len(people)} people"
    notes = f"read as {found.layout}; {how}", *found.notes, *too_few(found.files, KIND)
    if splits is None:
        return replace(recordings, notes=notes)
    return replace(recordings, notes=notes, split_names=(splits.train_name, splits.test_name))


def refuse_unknown(path: Path, labels: OwnLabels) -> None:
    """Raises DatasetError that says what to do if `path` has sounds of unknown labels alone."""
    own_layout.refuse_unknown(path, SOUNDS, KIND, labels)
