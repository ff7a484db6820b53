"""GoEmotions: Reddit comments in the Ekman grouping (Demszky et al. 2020), several labels a row.

Reads the published TSVs, `text<TAB>label ids<TAB>comment id`, with the ids' names in labels.txt.
https://github.com/google-research/google-research/tree/master/goemotions
"""

import csv
from pathlib import Path

import numpy as np

from converter.samples import DatasetError, Samples, Splits, hold_back

LICENCE = "CC BY 4.0 (GoEmotions)"
LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


def _read(file: Path, names: list[str], unusable: list[str]) -> Samples:
    texts, targets, ids = [], [], []
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise DatasetError(f"{file}: cannot read it ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: not a table in UTF-8 ({error})") from error
    for number, row in enumerate(rows, 1):
        try:
            text, chosen, comment = row
            indices = [LABELS.index(names[int(one)]) for one in chosen.split(",")]
        except (ValueError, IndexError):
            unusable.append(f"{file}:{number}: not text, known label ids and comment id")
            continue
        target = np.zeros(len(LABELS), np.float32)
        target[indices] = 1 / len(indices)
        texts.append(text)
        targets.append(target)
        ids.append(comment)
    if not texts:
        raise DatasetError(f"{file}: no usable row in it")
    return Samples(LABELS, texts, np.stack(targets), tuple(ids))


def load(path: Path, seed: int = 0) -> Splits:
    """GoEmotions with Ekman labels; a row with several has its mass shared among them.

    Raises DatasetError where train.tsv, dev.tsv or labels.txt is missing or names other labels.
    """
    try:
        names = (path / "labels.txt").read_text(encoding="utf-8").split()
    except OSError as error:
        raise DatasetError(f"{path / 'labels.txt'}: cannot read it ({error.strerror})") from error
    if set(names) != set(LABELS):
        raise DatasetError(f"{path / 'labels.txt'}: names {names}, expected {list(LABELS)}")
    unusable: list[str] = []
    train, held_back = hold_back(_read(path / "train.tsv", names, unusable), seed)
    test = _read(path / "dev.tsv", names, unusable)
    return Splits(
        "GoEmotions Ekman", train, held_back, test, "train", "dev", LICENCE, tuple(unusable)
    )
