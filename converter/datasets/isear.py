"""ISEAR: people from 37 countries describe when they felt an emotion (Scherer, Wallbott 1994).

Reads isear.csv in its common forms: columns separated by `|`, with the text in SIT and the emotion
in Field1; or two columns, emotion and text, with or without a header. Shame and guilt are left out.
https://www.unige.ch/cisa/research/materials-and-online-research/research-material/
"""

from collections.abc import Sequence
from pathlib import Path

from converter.datasets.files import Root, children
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_rows, read_table, read_table_text
from converter.datasets.texts import EMOTIONS, LABEL_OF, Row, Texts, split_at_random

LICENCE = "research use (ISEAR, University of Geneva)"
FILE = "isear.csv"
COLUMNS = ("Field1", "SIT")
ALSO = {"emotion": "Field1", "label": "Field1", "text": "SIT", "sentence": "SIT", "content": "SIT"}
"""Other names of the two columns."""
UNMAPPED = ("shame", "guilt")
ANNOTATED = tuple(label for label in EMOTIONS if label != "surprise")


def _file(path: Path) -> Root | None:
    found = [path] if path.is_file() else children(path)
    return next((one for one in found if one.name.lower() == FILE), None)


def matches(path: Path) -> bool:
    """Returns True if `path` is isear.csv or contains it."""
    return _file(path) is not None


def _pairs(file: Root) -> list[tuple[str, str, str]]:
    """Returns location, emotion and text of each row."""
    is_original = "|" in read_table_text(file).partition("\n")[0]
    rows = list(read_rows(file, "|" if is_original else None, quoted=not is_original))
    if not is_original and not (rows and _is_header(rows[0].values)):
        # A comma in a text without quotes would be taken for the end of it.
        return [(row.location, row.values[0], ",".join(row.values[1:])) for row in rows]
    table = read_table(
        file, COLUMNS, "|" if is_original else None, quoted=not is_original, also=ALSO
    )
    return [(location, row["Field1"], row["SIT"]) for location, row in table]


def _is_header(cells: Sequence[str]) -> bool:
    names = {one.strip().casefold() for one in cells}
    return all(
        names & {column.casefold(), *(name for name, of in ALSO.items() if of == column)}
        for column in COLUMNS
    )


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
