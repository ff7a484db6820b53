"""ISEAR: people from 37 countries describe when they felt an emotion (Scherer, Wallbott 1994).

Reads isear.csv in its two common forms: columns separated by `|`, with the text in SIT and the
emotion in Field1; or two columns without a header, emotion and text. Shame and guilt are left out.
https://www.unige.ch/cisa/research/materials-and-online-research/research-material/
"""

import csv
import io
from pathlib import Path

from converter.datasets.files import read_table, read_text
from converter.datasets.samples import DatasetError
from converter.datasets.texts import EMOTIONS, LABEL_OF, Row, Texts, split_at_random

LICENCE = "research use (ISEAR, University of Geneva)"
FILE = "isear.csv"
COLUMNS = ("Field1", "SIT")
UNMAPPED = ("shame", "guilt")
ANNOTATED = tuple(label for label in EMOTIONS if label != "surprise")


def _file(path: Path) -> Path | None:
    found = [path] if path.is_file() else sorted(path.glob("*.csv")) if path.is_dir() else []
    return next((one for one in found if one.name.lower() == FILE), None)


def matches(path: Path) -> bool:
    """Returns True if `path` is isear.csv or contains it."""
    return _file(path) is not None


def _pairs(file: Path) -> list[tuple[str, str, str]]:
    """Returns location, emotion and text of each row."""
    if "|" in read_text(file).partition("\n")[0]:
        table = read_table(file, COLUMNS, delimiter="|", quoting=csv.QUOTE_NONE)
        return [(location, row["Field1"], row["SIT"]) for location, row in table]
    try:
        rows = list(csv.reader(io.StringIO(read_text(file))))
    except csv.Error as error:
        raise DatasetError(f"{file}: not a table ({error})") from error
    return [
        (f"{file}:{number}", *(row[:2] if len(row) > 1 else ("", "")))
        for number, row in enumerate(rows, 1)
    ]


def load(path: Path) -> list[Texts]:
    """Loads ISEAR; raises DatasetError."""
    file = _file(path)
    if file is None:
        raise DatasetError(f"{path}: no {FILE} in it")
    rows, skipped = [], 0
    for location, emotion, text in _pairs(file):
        name = emotion.strip().lower()
        silent = text.strip().startswith("[")  # "[ No response.]"
        if name in UNMAPPED or silent:
            skipped += 1
            continue
        label = LABEL_OF.get(name)
        rows.append(Row(location, text, (label,) if label else ()))
    unusable = [f"{file}: {skipped} of shame or guilt, or without an answer"] if skipped else []
    return [split_at_random("ISEAR", LICENCE, ANNOTATED, rows, unusable)]
