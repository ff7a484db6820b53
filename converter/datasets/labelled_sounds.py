"""Voices listed in a table: a folder with labels.csv, columns file, emotion and speaker.

The next data set needs no code: it needs this table. An empty speaker is one that is not known.
"""

from dataclasses import replace
from pathlib import Path

from converter.datasets import label_table
from converter.datasets.files import name_of
from converter.datasets.recordings import LABEL_OF, Clip, Recordings, read_clips
from edge.capture.media import SOUNDS


def matches(path: Path) -> bool:
    """Returns True if `path` has a table of labels with sound files in it."""
    return label_table.lists_any(path, SOUNDS)


def load(path: Path) -> Recordings:
    """Loads the sound files that the table lists; raises DatasetError."""
    name = name_of(path)
    clips, unusable = [], list[str]()
    rows, notes = label_table.read_rows(path, SOUNDS, "sounds", unusable)
    listed: set[Path] = set()
    for where, row in rows:
        file, emotion = path / row["file"], row["emotion"].strip()
        if file in listed:
            unusable.append(f"{where}: {row['file']}: listed twice")
        elif emotion.lower() not in LABEL_OF:
            unusable.append(f"{where}: {row['file']}: no emotion is called {emotion!r}")
        else:
            clips.append(Clip(file, LABEL_OF[emotion.lower()], row["speaker"].strip()))
        listed.add(file)
    return replace(read_clips(name, f"that of {name}", clips, unusable), notes=notes)
