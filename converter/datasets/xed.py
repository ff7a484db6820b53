"""XED: lines of film subtitles, English and Finnish, Plutchik labels (Öhman et al. 2020).

Reads the published layout: AnnotatedData/ with LANGUAGE-annotated.tsv, `text<TAB>label ids`, and
neu_LANGUAGE.txt, lines without emotion, `number<TAB>text…`. Anticipation and trust are left out.
https://github.com/Helsinki-NLP/XED
"""

from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_rows
from converter.datasets.texts import EKMAN, Row, Texts, split_at_random

LICENCE = "CC BY 4.0 (XED)"
LABEL_BY_ID = {
    "1": "anger",
    "2": None,  # anticipation
    "3": "disgust",
    "4": "fear",
    "5": "joy",
    "6": "sadness",
    "7": "surprise",
    "8": None,  # trust
}
ANNOTATED = "-annotated.tsv"


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return folder.is_dir() and bool(_tables(folder))

    return find_root(path, ("AnnotatedData", "XED/AnnotatedData"), holds)


def _tables(folder: Root) -> dict[str, Root]:
    """Returns the table of each language, sorted by name."""
    found = {one.name: one for one in folder.iterdir() if one.name.endswith(ANNOTATED)}
    return {name.removesuffix(ANNOTATED): found[name] for name in sorted(found)}


def matches(path: Path) -> bool:
    """Returns True if `path` has the tables of a language."""
    return _root(path) is not None


def _annotated(file: Root, unusable: list[str]) -> list[Row]:
    rows, skipped = [], 0
    for row in read_rows(file, "\t", quoted=False):
        text, ids = "\t".join(row.values[:-1]), row.values[-1]
        chosen = [one.strip() for one in ids.split(",")]
        if not text or not LABEL_BY_ID.keys() >= set(chosen):
            unusable.append(f"{row.location}: not text and label ids of 1 to 8")
            continue
        labels = tuple(label for one in chosen if (label := LABEL_BY_ID[one]))
        if labels:
            rows.append(Row(row.location, text, labels))
        else:
            skipped += 1
    if skipped:
        unusable.append(f"{file}: {skipped} lines labelled only anticipation or trust")
    return rows


def _neutral(file: Root, unusable: list[str]) -> list[Row]:
    if not file.is_file():
        unusable.append(f"{file}: not found; no line is neutral")
        return []
    return [
        Row(row.location, row.values[1] if len(row.values) > 1 else "", ("neutral",))
        for row in read_rows(file, "\t", quoted=False)
    ]


def load(path: Path) -> list[Texts]:
    """Loads every language; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: no LANGUAGE{ANNOTATED} in it")
    sets = []
    for language, table in _tables(root).items():
        unusable: list[str] = []
        rows = _annotated(table, unusable) + _neutral(root / f"neu_{language}.txt", unusable)
        sets.append(split_at_random("XED", LICENCE, EKMAN, rows, unusable, language))
    return sets
