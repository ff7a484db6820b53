"""Own recordings: SPEAKER/EMOTION/…, in any sound format."""

from pathlib import Path

from converter.datasets.files import Root, find_root, name_of
from converter.datasets.recordings import (
    LABEL_OF,
    Clip,
    Recordings,
    folder_name,
    read_clips,
    sound_files,
)

SPEAKER_AND_EMOTION = 3
"""Level of the clips below the data set."""
LICENCE = "that of your own data"


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        files = sound_files(folder, SPEAKER_AND_EMOTION)
        return any(folder_name(file).lower() in LABEL_OF for file in files)

    return find_root(path, (), holds)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has speakers with folders of emotions."""
    return _root(path) is not None


def load(path: Path) -> Recordings:
    """Loads the recordings; raises DatasetError."""
    clips, unusable = [], []
    root = _root(path) or path
    placed = {str(file) for file in sound_files(root, SPEAKER_AND_EMOTION)}
    for file in sound_files(root):
        emotion = folder_name(file)
        if str(file) not in placed:
            unusable.append(f"{file}: not in SPEAKER/EMOTION/")
        elif emotion.lower() not in LABEL_OF:
            unusable.append(f"{file}: no emotion is called {emotion!r}")
        else:
            clips.append(Clip(file, LABEL_OF[emotion.lower()], Path(str(file)).parent.parent.name))
    return read_clips(name_of(path), LICENCE, clips, unusable)
