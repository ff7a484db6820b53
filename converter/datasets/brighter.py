"""BRIGHTER: social media, news, speeches and more in 28 languages (Muhammad et al. 2025).

Reads the published layout, a folder or a zip of it: track_a/train/ and track_a/dev/ with a CSV a
language, `id,text` and a column of 0 or 1 for each emotion that its annotators rated. Each
language is a data set of its own. https://github.com/emotion-analysis-project/SemEval2025-Task11
"""

from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table
from converter.datasets.texts import EMOTIONS, LABEL_OF, Row, Texts, split_as_published

LICENCE = "CC BY 4.0 (BRIGHTER)"
SPLITS = ("train", "dev")
NO_EMOTIONS = ("id", "text")


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all((folder / split).is_dir() for split in SPLITS)

    return find_root(path, ("track_a", "BRIGHTER/track_a"), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has the folders of track A, with a language's table in dev/."""
    root = _root(path)
    return root is not None and any(_tables(root / "dev"))


def _tables(folder: Root) -> dict[str, Root]:
    """Returns the table of each language, sorted by name."""
    found = {one.name: one for one in folder.iterdir() if one.name.endswith(".csv")}
    return {name.removesuffix(".csv"): found[name] for name in sorted(found)}


def _read(file: Root, unusable: list[str]) -> tuple[list[Row], tuple[str, ...]]:
    """Returns the rows of a table, and the emotions that its annotators rated."""
    rows: list[Row] = []
    annotated: dict[str, str] = {}
    for location, row in read_table(file, NO_EMOTIONS, unusable=unusable):
        if not annotated:
            annotated = _annotated_columns(
                file, [column for column in row if column not in NO_EMOTIONS]
            )
        values = {row[column] for column in annotated.values()}
        if not values <= {"0", "1"}:
            unusable.append(
                f"{location}: an emotion is neither 0 nor 1: {', '.join(sorted(values))}"
            )
            continue
        # A text with none of the rated emotions counts as neutral.
        labels = [label for label, column in annotated.items() if row[column] == "1"] or ["neutral"]
        rows.append(Row(location, row["text"], tuple(labels)))
    return rows, tuple(annotated)


def _annotated_columns(file: Root, columns: list[str]) -> dict[str, str]:
    """Returns the column of each emotion."""
    annotated = {LABEL_OF.get(column.lower(), column): column for column in columns}
    if unknown := [label for label in annotated if label not in EMOTIONS]:
        raise DatasetError(
            f"{file}: the column {unknown[0]!r} is not an emotion; expected some of "
            f"{', '.join(EMOTIONS)}"
        )
    return annotated


def load(path: Path) -> list[Texts]:
    """Loads every language that has both tables; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: no track_a/train/ and track_a/dev/ in it")
    train, dev = (_tables(root / split) for split in SPLITS)
    unusable = [
        f"{tables[language]}: only in one of {' and '.join(SPLITS)}"
        for tables in (train, dev)
        for language in tables
        if language not in train or language not in dev
    ]
    sets = []
    for language in (one for one in train if one in dev):
        train_rows, annotated = _read(train[language], unusable)
        dev_rows, _ = _read(dev[language], unusable)
        rows = {"train": train_rows, "dev": dev_rows}
        sets.append(split_as_published("BRIGHTER", LICENCE, annotated, rows, unusable, language))
        unusable = []
    if not sets:
        raise DatasetError(f"{path}: no language has a table in both train/ and dev/")
    return sets
