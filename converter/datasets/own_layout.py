"""The layouts of a user's own files, the same for every modality, told apart by what is there.

    train|val|test/EMOTION/…    PERSON/EMOTION/…    EMOTION/…    train|val|test/PERSON/EMOTION/…

A folder, a zip, or either with one more folder around it. labels.csv is read by `label_table`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converter.datasets.files import Root, children, find_root, name_some
from converter.datasets.own_labels import OwnLabels
from converter.datasets.samples import DatasetError

TRAIN, VAL, TEST = "train", "val", "test"
SPLIT_OF = {
    **dict.fromkeys(("train", "training", "trainset"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development", "eval"), VAL),
    **dict.fromkeys(("test", "testing", "tests", "testset"), TEST),
}
"""The split that people mean by a name, in lower case."""
WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class OwnFile:
    """One file of a user's own data, as its folders or a table describe it."""

    file: Root
    label: str
    split: str = ""
    """TRAIN, VAL or TEST; empty if the data have no splits."""
    person: str = ""
    """The person, or whatever else the files are grouped by; empty if it is not known."""


@dataclass(frozen=True)
class OwnFiles:
    """All files of a user's own data."""

    layout: str
    """For the user, such as `train/val/test`."""
    files: list[OwnFile]
    unusable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Placed:
    file: Root
    folders: tuple[str, ...]
    """The names of its folders, from the data set's root."""


def split_of(name: str) -> str | None:
    """Returns the split that a folder, file or cell names, such as `Validation` or `test_set`."""
    found = {SPLIT_OF.get(word.lower()) for word in WORDS.findall(name)} - {None}
    return found.pop() if len(found) == 1 else None


def matches(path: Path, suffixes: Collection[str], labels: OwnLabels) -> bool:
    """Returns True if folders of `path`, a folder or a zip, named after labels hold such files."""
    return _root(path, suffixes, labels) is not None


def refuse_unknown(path: Path, suffixes: Collection[str], kind: str, labels: OwnLabels) -> None:
    """Raises DatasetError if `path` has folders of such files, none of them named after a label."""
    root = find_root(path, (), lambda folder: len(children(folder)) > 1)
    placed = [one for one in _placed(root, ()) if _is(one, suffixes)] if root is not None else []
    _refuse(path, kind, Counter(one.folders[-1] for one in placed if one.folders), labels)


def find_files(path: Path, suffixes: Collection[str], kind: str, labels: OwnLabels) -> OwnFiles:
    """Returns all files with one of the `suffixes`, which are called `kind`.

    Raises DatasetError if there is none, or if a folder is neither an emotion nor left out.
    """
    root = _root(path, suffixes, labels)
    if root is None:
        raise DatasetError(f"{path}: no folder of {kind} is named after an emotion")
    everything = list(_placed(root, ()))
    placed = [one for one in everything if _is(one, suffixes)]
    others = [str(one.file) for one in everything if not _is(one, suffixes)]
    unusable = [f"{len(others)} files that are not {kind} ({name_some(others)})"] if others else []
    is_split = _has_splits({one.folders[0] for one in placed if one.folders})
    level = _label_level(placed, int(is_split), labels)
    files, unknown, skipped = list[OwnFile](), Counter[str](), Counter[str]()
    for one in placed:
        split = split_of(one.folders[0]) if is_split and one.folders else ""
        if split is None:
            unusable.append(f"{one.file}: in none of the folders for training, validation and test")
        elif len(one.folders) <= level:
            unusable.append(f"{one.file}: not in a folder named after an emotion")
        elif labels.is_skipped(one.folders[level]):
            skipped[one.folders[level]] += 1
        elif (label := labels.find(one.folders[level])) is None:
            unknown[one.folders[level]] += 1
        else:
            person = one.folders[int(is_split) : level] or one.folders[level + 1 :]
            files.append(OwnFile(one.file, label, split, "/".join(person)))
    _refuse(path, kind, unknown, labels)
    notes = [f"{name}: {count} {kind} left out, as asked" for name, count in skipped.items()]
    notes += _written_differently(
        {one.folders[level] for one in placed if level < len(one.folders)}
    )
    has_people = any(one.person for one in files)
    return OwnFiles(_layout(files, is_split, has_people), files, unusable, notes)


def _root(path: Path, suffixes: Collection[str], labels: OwnLabels) -> Root | None:
    def means(name: str) -> bool:
        return labels.find(name) is not None or split_of(name) is not None

    def holds(folder: Root) -> bool:
        inside = children(folder)
        if len(inside) == 1 and not means(inside[0].name):
            return False  # one more folder around the data
        labelled = (one for one in _placed(folder, ()) if any(map(labels.find, one.folders)))
        return any(_is(one, suffixes) for one in labelled)

    return find_root(path, (), holds)


def _placed(folder: Root, above: tuple[str, ...]) -> Iterator[_Placed]:
    for one in children(folder):
        if one.is_dir():
            yield from _placed(one, (*above, one.name))
        else:
            yield _Placed(one, above)


def _is(one: _Placed, suffixes: Collection[str]) -> bool:
    return Path(one.file.name).suffix.lower() in suffixes


def _has_splits(names: Collection[str]) -> bool:
    """Returns True if the outer folders are splits, not persons of whom one is called Val."""
    splits = [split_of(name) for name in names]
    return bool(splits) and (TRAIN in splits or None not in splits)


def _label_level(placed: Sequence[_Placed], first: int, labels: OwnLabels) -> int:
    """Returns at which level, from the root, folders are named after labels most often."""
    levels = Counter(
        level
        for one in placed
        for level, name in enumerate(one.folders)
        if level >= first and labels.find(name) is not None
    )
    return max(levels, key=lambda level: (levels[level], level)) if levels else first


def _refuse(path: Path, kind: str, unknown: Counter[str], labels: OwnLabels) -> None:
    if unknown:
        found = [f"{name!r} ({count} {kind})" for name, count in unknown.items()]
        raise DatasetError(
            f"{path}: no emotion is called {name_some(found)}; {labels.explain(list(unknown))}"
        )


def _written_differently(names: Collection[str]) -> list[str]:
    """Returns a note for each name that is written with different capitals."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.strip().lower(), []).append(name)
    return [
        f"{' and '.join(each)} differ in capitals alone: read as one label"
        for each in found.values()
        if len(each) > 1
    ]


def _layout(files: Sequence[OwnFile], is_split: bool, has_people: bool) -> str:
    present = {one.split for one in files}
    splits = "/".join(one for one in (TRAIN, VAL, TEST) if one in present)
    inside = "PERSON/EMOTION" if has_people else "EMOTION"
    return f"{splits}, each with {inside}" if is_split else inside
