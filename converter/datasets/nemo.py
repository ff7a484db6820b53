"""nEMO: nine Polish actors (Christop 2024).

Reads the published layout, data.tsv with the columns file_id, emotion and speaker_id, and
samples/ with its files; a file may have another sound format than its name in the table.
https://github.com/amu-cai/nEMO
"""

import csv
from pathlib import Path

from converter.datasets.recordings import LABEL_OF, Clip, Recordings, read_clips, sound_files
from converter.datasets.samples import DatasetError

LICENCE = "CC BY-NC-SA 4.0 (nEMO): not for commercial use"
TABLE = "data.tsv"


def matches(path: Path) -> bool:
    """Returns True if `path` has nEMO's table and folder of clips."""
    return (path / TABLE).is_file() and (path / "samples").is_dir()


def load(path: Path) -> Recordings:
    """Loads nEMO; raises DatasetError."""
    files = {file.stem: file for file in sound_files(path / "samples", "*")}
    table = path / TABLE
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table}: cannot be read ({error})") from error
    clips, unusable = [], []
    for number, row in enumerate(rows, 2):
        name, emotion, speaker = (
            (row.get(column) or "").strip() for column in ("file_id", "emotion", "speaker_id")
        )
        if not (name and emotion and speaker):
            unusable.append(f"{table}:{number}: file_id, emotion or speaker_id is missing")
        elif (file := files.pop(Path(name).stem, None)) is None:
            unusable.append(f"{table}:{number}: samples/{name} is missing")
        else:
            clips.append(Clip(file, LABEL_OF.get(emotion.lower()), speaker))
    unusable += [f"{file}: not in {TABLE}" for file in files.values()]
    return read_clips("nEMO", LICENCE, clips, unusable)
