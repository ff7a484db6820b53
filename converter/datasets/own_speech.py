"""Own recordings: SPEAKER/EMOTION/…, in any sound format."""

from pathlib import Path

from converter.datasets.recordings import LABEL_OF, Clip, Recordings, read_clips, sound_files

LICENCE = "that of your own data"


def matches(path: Path) -> bool:
    """Returns True if `path` has folders of speakers with folders named after emotions."""
    return any(file.parent.name.lower() in LABEL_OF for file in sound_files(path, "*/*/*"))


def load(path: Path) -> Recordings:
    """Loads the recordings; raises DatasetError."""
    clips, unusable = [], []
    for file in sound_files(path):
        emotion = file.parent.name
        if len(file.relative_to(path).parts) != 3:
            unusable.append(f"{file}: not in SPEAKER/EMOTION/")
        elif emotion.lower() not in LABEL_OF:
            unusable.append(f"{file}: no emotion is called {emotion!r}")
        else:
            clips.append(Clip(file, LABEL_OF[emotion.lower()], file.parent.parent.name))
    return read_clips(path.resolve().name, LICENCE, clips, unusable)
