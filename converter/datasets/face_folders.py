"""Face sets with one folder per emotion whose file names give the subject: a table of layouts.

To add a set, describe it as a `FaceFolders` with its paper and layout underneath, and append it to
CORPORA. Pictures of one subject are alike, so only a split by subject is fair.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converter.datasets.files import Root, children, find_root
from converter.datasets.own_splits import spread
from converter.datasets.pictures import PictureReader, face_set, label_folders, read_folders
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, split_by_group

BASIC = "anger", "disgust", "fear", "happiness", "sadness", "surprise"
SHARES = 0.7, 0.1, 0.2
"""Shares of the pictures for training, to be held back and for the test, as far as groups allow."""


@dataclass(frozen=True)
class FaceFolders:
    """One published layout, a folder or a zip of it."""

    dataset: str
    licence: str
    labels: tuple[str, ...]
    """The labels that its annotators could choose."""
    hint: str
    """The files by which a user recognizes the layout, for messages."""
    name: re.Pattern[str]
    """Must match a picture's name without suffix; its group is `subject`."""
    subjects: str
    """The plural of whatever the pictures are split by."""
    series: tuple[str, ...] = ()
    """Subjects whose names start with the same one of these are one group."""

    def matches(self, path: Path) -> bool:
        """Returns True if `path` has emotion folders with pictures named as in this set."""
        return self._root(path) is not None

    def _root(self, path: Path) -> Root | None:
        def holds(folder: Root) -> bool:
            files = (file for emotion, _ in label_folders(folder) for file in children(emotion))
            return any(self.name.fullmatch(Path(file.name).stem) for file in files)

        return find_root(path, (), holds)

    def load(self, path: Path) -> Splits:
        """Loads the pictures, split by subject into SHARES. Raises DatasetError."""
        root = self._root(path)
        if root is None:
            raise DatasetError(f"{path}: expected one folder per emotion with {self.hint}")
        unusable: list[str] = []
        reader = PictureReader()
        samples = read_folders(root, unusable, reader)
        subjects = [self.name.fullmatch(name) for name in samples.groups]
        unusable += [
            f"{path}: {name} is not named as {self.dataset} names pictures"
            for name, subject in zip(samples.groups, subjects, strict=True)
            if subject is None
        ]
        named = samples.subset(np.flatnonzero([subject is not None for subject in subjects]))
        groups = tuple(self._group(one["subject"]) for one in subjects if one)
        named = replace(named, groups=groups)
        _, *others = spread(Counter(groups), SHARES)
        parts = split_by_group(named, *others)
        names = self._describe(parts[0], named), self._describe(parts[2], named)
        return face_set(
            self.dataset, parts, names, self.licence, unusable, self.labels, reader.notes
        )

    def _group(self, subject: str) -> str:
        return next((one for one in self.series if subject.startswith(one)), subject)

    def _describe(self, part: Samples, whole: Samples) -> str:
        """Returns the name of a split by its share of the groups and pictures."""
        groups, of = (len(set(one.groups)) for one in (part, whole))
        return f"{groups} of {of} {self.subjects} ({len(part) / len(whole):.0%} of the pictures)"


CK_PLUS = FaceFolders(
    "CK+48",
    "research use only, by agreement (CK+)",
    (*BASIC, "contempt"),
    "SNNN_NNN_NNNNNNNN.png",
    re.compile(r"(?P<subject>S\d{3})_\d{3}_\d{8}"),
    "subjects",
)
"""The last frames of the Extended Cohn-Kanade sequences (Lucey et al. 2010).

EMOTION/SUBJECT_SEQUENCE_FRAME.png; each sequence gives three frames of one person.
"""

SFEW = FaceFolders(
    "SFEW",
    "research use only, no redistribution (SFEW)",
    (*BASIC, "neutral"),
    "FILM_NNNNNNNNN_NNNNNNNN.png",
    re.compile(r"(?P<subject>\w+?)[_-]\d{9}_\d{8}"),
    "films or series",
    ("Hangover", "HarryPotter", "Oceans", "WrongTurn"),
)
"""Faces in film stills (Dhall et al. 2011).

EMOTION/FILM_TIME_FRAME.png; split by film or series of films, which show the same actors.
"""

JAFFE = FaceFolders(
    "JAFFE",
    "non-commercial research use only, no redistribution (JAFFE)",
    (*BASIC, "neutral"),
    "XX.EEn.nnn.tiff",
    re.compile(r"(?P<subject>[A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)\d\.\d+"),
    "people",
)
"""Posed faces of Japanese women (Lyons et al. 1998).

EMOTION/PERSON.EMOTIONn.number.tiff.
"""

CORPORA = (CK_PLUS, SFEW, JAFFE)
