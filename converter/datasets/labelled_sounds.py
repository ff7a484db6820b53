"""Voices listed in a table: a folder or a zip with labels.csv, columns file, emotion and speaker.

The next data set needs no code: it needs this table. An empty speaker is one that is not known; a
table without that column is split at random, or by its column split.
"""

from dataclasses import replace
from pathlib import Path

from converter.datasets import label_table
from converter.datasets.files import name_of
from converter.datasets.own_labels import OwnLabels
from converter.datasets.own_speech import KIND, STANDARD, read_own
from converter.datasets.recordings import LABELS, Clip, Recordings, read_clips
from edge.capture.media import SOUNDS


def matches(path: Path) -> bool:
    """Returns True if `path` has a table of labels with sound files in it."""
    return label_table.lists_any(path, SOUNDS)


def load(path: Path, labels: OwnLabels = STANDARD) -> Recordings:
    """Loads the sound files that the table lists; raises DatasetError."""
    licence = f"that of {name_of(path)}"
    found = label_table.find_files(path, SOUNDS, KIND, labels)
    if any(one.split for one in found.files) or not label_table.has_speakers(path):
        return read_own(path, licence, found, labels)
    clips = [Clip(one.file, one.label, one.person) for one in found.files]
    names = (*LABELS, *labels.added)
    recordings = read_clips(name_of(path), licence, clips, found.unusable, names)
    return replace(recordings, notes=tuple(found.notes))
