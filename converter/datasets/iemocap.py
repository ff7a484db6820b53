"""IEMOCAP: ten actors in twelve hours of dialogue, improvised and from scripts (Busso et al. 2008).

Reads SessionN/dialog/EmoEvaluation/*.txt, with a line such as
`[6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5, 2.5, 2.5]` for each turn, and
SessionN/sentences/wav/DIALOG/TURN.wav. Excitement counts as happiness; frustration, other emotions
and turns without agreement are left out.

Ask for it at https://sail.usc.edu/iemocap/iemocap_release.htm. For academic research only.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from converter.datasets.files import Root, children, find_root, read_text
from converter.datasets.recordings import Clip, Recordings, read_clips

DATASET = "IEMOCAP"
LICENCE = "academic research only, by agreement (IEMOCAP)"
FOLDERS = ("IEMOCAP_full_release",)
SESSIONS = re.compile(r"Session\d+")
TURN = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(?P<turn>(?P<dialog>Ses\d+\w+)_\w+)\s+(?P<emotion>\w+)")
LABELS = {
    "ang": "angry",
    "dis": "disgust",
    "exc": "happy",
    "fea": "fearful",
    "hap": "happy",
    "neu": "neutral",
    "sad": "sad",
    "sur": "surprised",
}
"""The label of each code; others are no emotion of ours, or none that annotators agree on."""


def _root(path: Path) -> Root | None:
    return find_root(path, FOLDERS, lambda folder: any(map(_evaluations, _sessions(folder))))


def _sessions(folder: Root) -> list[Root]:
    return [one for one in children(folder) if SESSIONS.fullmatch(one.name)]


def _evaluations(session: Root) -> list[Root]:
    inside = children(session / "dialog" / "EmoEvaluation")
    return [one for one in inside if one.name.lower().endswith(".txt")]


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has sessions with evaluations."""
    return _root(path) is not None


def load(path: Path) -> Recordings:
    """Loads the turns that have one of our emotions; raises DatasetError."""
    lost: Counter[str] = Counter()
    recordings = read_clips(DATASET, LICENCE, list(_clips(_root(path) or path, lost)))
    counts = ", ".join(f"{code} {count}" for code, count in sorted(lost.items()))
    notes = (f"{lost.total()} turns of other emotions are left out: {counts}",) if lost else ()
    return replace(recordings, notes=notes)


def _clips(root: Root, lost: Counter[str]) -> Iterator[Clip]:
    for session in _sessions(root):
        for table in _evaluations(session):
            for found in TURN.finditer(read_text(table)):
                emotion, turn = found["emotion"], found["turn"]
                if emotion not in LABELS:
                    lost[emotion] += 1
                    continue
                file = session / "sentences" / "wav" / found["dialog"] / f"{turn}.wav"
                yield Clip(file, LABELS[emotion], _speaker(turn))


def _speaker(turn: str) -> str:
    """Returns session and sex of who speaks: `Ses01F_impro01_M003` is a turn of Ses01M."""
    return turn[:5] + turn.rpartition("_")[2][0]
