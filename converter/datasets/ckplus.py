"""CK+48: the last frames of the Extended Cohn-Kanade sequences (Lucey et al. 2010).

Reads a folder per emotion with pictures named SUBJECT_SEQUENCE_FRAME.png. Each sequence gives
three frames of one person, so only a split by subject is fair.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from converter.datasets.pictures import label_folders, read_folders
from converter.datasets.splits import Splits

LICENCE = "research use only, by agreement (CK+)"
NAME = re.compile(r"(?P<subject>S\d{3})_\d{3}_\d{8}")
# Indices modulo ten of the sorted subjects.
TEST_OF_TEN, HELD_BACK_OF_TEN = frozenset({4, 9}), frozenset({7})


def matches(path: Path) -> bool:
    """Returns True if `path` has emotion folders with pictures named as in CK+."""
    return any(NAME.fullmatch(file.stem) for one in label_folders(path) for file in one.iterdir())


def load(path: Path) -> Splits:
    """Loads CK+48, split by subject into 70 %, 10 % and 20 %. Raises DatasetError."""
    unusable: list[str] = []
    samples = read_folders(path, unusable)
    subjects = [NAME.fullmatch(name) for name in samples.groups]
    unusable += [
        f"{path}: {name} is not named SUBJECT_SEQUENCE_FRAME"
        for name, subject in zip(samples.groups, subjects, strict=True)
        if subject is None
    ]
    named = samples.subset(np.flatnonzero([subject is not None for subject in subjects]))
    named = replace(named, groups=tuple(subject["subject"] for subject in subjects if subject))
    everyone = sorted(set(named.groups))
    chosen = (frozenset(range(10)) - TEST_OF_TEN - HELD_BACK_OF_TEN, HELD_BACK_OF_TEN, TEST_OF_TEN)
    train, held_back, test = (
        named.of_groups({one for index, one in enumerate(everyone) if index % 10 in tenths})
        for tenths in chosen
    )
    return Splits(
        "CK+48",
        train,
        held_back,
        test,
        "7 of 10 subjects",
        "2 of 10 subjects",
        LICENCE,
        tuple(unusable),
    )
