"""nEMO: nine Polish actors (Christop 2024).

Reads the published layout, data.tsv with the columns file_id, emotion and speaker_id, and
samples/ with its files; a file may have another sound format than its name in the table.
https://github.com/amu-cai/nEMO
"""

from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.recordings import (
    LABEL_OF,
    Clip,
    Recordings,
    read_clips,
    sound_files,
)
from converter.datasets.tables import read_table

LICENCE = "CC BY-NC-SA 4.0 (nEMO): not for commercial use"
TABLE = "data.tsv"
COLUMNS = ("file_id", "emotion", "speaker_id")


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return (folder / TABLE).is_file() and (folder / "samples").is_dir()

    return find_root(path, (), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has nEMO's table and folder of clips."""
    return _root(path) is not None


def load(path: Path) -> Recordings:
    """Loads nEMO; raises DatasetError."""
    root = _root(path) or path
    files = {Path(file.name).stem: file for file in sound_files(root / "samples", 1)}
    table = root / TABLE
    clips, unusable = [], list[str]()
    for location, row in read_table(table, COLUMNS, "\t", quoted=False, unusable=unusable):
        name, emotion, speaker = (row[column].strip() for column in COLUMNS)
        if not (name and emotion and speaker):
            unusable.append(f"{location}: file_id, emotion or speaker_id is missing")
        elif (file := files.pop(Path(name).stem, None)) is None:
            unusable.append(f"{location}: samples/{name} is missing")
        else:
            clips.append(Clip(file, LABEL_OF.get(emotion.lower()), speaker))
    unusable += [f"{file}: not in {TABLE}" for file in files.values()]
    return read_clips("nEMO", LICENCE, clips, unusable)
