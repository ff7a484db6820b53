"""MSP-Podcast: emotional turns of podcasts, judged by five people or more (Lotfian, Busso 2019).

Reads Labels/labels_consensus.csv with the columns FileName, EmoClass, SpkrID and Split_Set, and the
files in Audios/. Test1 is the test; the clips of further tests are left out.

Ask for it at https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html. An academic
licence is free and signed by the institution; there is a commercial one.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.own_layout import TEST, TRAIN, VAL
from converter.datasets.recordings import Clip, Recordings, read_clips
from converter.datasets.tables import read_table

DATASET = "MSP-Podcast"
LICENCE = "by agreement with UT Dallas (MSP-Podcast)"
TABLES = ("labels_consensus.csv", "labels_concensus.csv")
"""The table in newer and in older releases."""
FOLDERS = ("Audios", "Audio")
COLUMNS = ("FileName", "EmoClass", "SpkrID", "Split_Set")
LABELS = {
    "A": "angry",
    "D": "disgust",
    "F": "fearful",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
    "U": "surprised",
}
"""The label of each code; C is contempt, O another emotion, X none that people agree on."""
SPLITS = {"train": TRAIN, "development": VAL, "validation": VAL, "test1": TEST}
NAMES = ("Train", "Test1")


def _table(folder: Root) -> Root | None:
    places = (folder / "Labels", folder)
    found = (place / name for place in places for name in TABLES)
    return next((one for one in found if one.is_file()), None)


def _root(path: Path) -> Root | None:
    return find_root(path, (), lambda folder: _table(folder) is not None)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has the table of consensus labels."""
    return _root(path) is not None


def load(path: Path) -> Recordings:
    """Loads the clips with their published splits; raises DatasetError."""
    root = _root(path) or path
    table = _table(root) or root / TABLES[0]
    audio = next((root / name for name in FOLDERS if (root / name).is_dir()), root)
    clips, unusable, lost = list[Clip](), list[str](), Counter[str]()
    for _, row in read_table(table, COLUMNS, unusable=unusable):
        code, split = row["EmoClass"].strip(), SPLITS.get(row["Split_Set"].strip().lower())
        if code not in LABELS:
            lost[f"EmoClass {code}"] += 1
        elif split is None:
            lost[row["Split_Set"].strip()] += 1
        else:
            speaker = row["SpkrID"].strip()
            known = "" if speaker.lower() == "unknown" else speaker
            clips.append(Clip(audio / row["FileName"].strip(), LABELS[code], known, split))
    recordings = read_clips(DATASET, LICENCE, clips, unusable)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(lost.items()))
    notes = (f"{lost.total()} clips are left out: {counts}",) if lost else ()
    return replace(recordings, notes=notes, split_names=NAMES)
