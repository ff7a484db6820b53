"""GoEmotions: Reddit comments in the Ekman grouping (Demszky et al. 2020), several labels a row.

Reads the published TSVs, `text<TAB>label ids<TAB>comment id`, with the names of the ids in
labels.txt (Ekman) or emotions.txt (all 28, grouped here as the authors group them). The authors
group curiosity and confusion as surprise. Here they are a label of their own, so that a plain
question does not count as surprise; metrics count them as surprise again. In the grouped tables,
they are taken to be the texts labelled surprise that have a question mark and no exclamation mark.
https://github.com/google-research/google-research/tree/master/goemotions
"""

from pathlib import Path

from converter.datasets.files import Root, find_root, read_text
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_rows
from converter.datasets.texts import CURIOSITY, EKMAN, Row, Texts, split_as_published

LICENCE = "CC BY 4.0 (GoEmotions)"
GROUPS = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy",
        "amusement",
        "approval",
        "excitement",
        "gratitude",
        "love",
        "optimism",
        "relief",
        "pride",
        "admiration",
        "desire",
        "caring",
    ),
    "neutral": ("neutral",),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization"),
    CURIOSITY: ("confusion", "curiosity"),
}
"""The original labels in each group: the authors' ekman_mapping.json, except for curiosity."""
INCLUDES = {"surprise": (CURIOSITY,)}
"""Further labels of ours that the authors count as surprise."""
GROUP_OF = {name: group for group, names in GROUPS.items() for name in names}
NAME_FILES = ("labels.txt", "emotions.txt")
SPLITS = ("train", "dev")


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        tables = all((folder / f"{split}.tsv").is_file() for split in SPLITS)
        return tables and any((folder / name).is_file() for name in NAME_FILES)

    return find_root(path, ("ekman", "data"), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has both tables and the names of their labels."""
    return _root(path) is not None


def _group_by_id(root: Root) -> list[str]:
    """Returns the group of each label id."""
    file = next(one for name in NAME_FILES if (one := root / name).is_file())
    names = read_text(file).split()
    unknown = [name for name in names if name not in GROUP_OF]
    if unknown or not names:
        raise DatasetError(
            f"{file}: GoEmotions has no label {unknown[0] if unknown else ''!r}; expected "
            f"{', '.join(EKMAN)}, or its 28 original ones"
        )
    return [GROUP_OF[name] for name in names]


def _split_curiosity(label: str, text: str, grouped: bool) -> str:
    asks = "?" in text and "!" not in text
    return CURIOSITY if grouped and label == "surprise" and asks else label


def _read(file: Root, groups: list[str], unusable: list[str]) -> list[Row]:
    grouped = CURIOSITY not in groups
    rows = []
    for row in read_rows(file, "\t", quoted=False):
        try:
            words, chosen, _ = row.values
            labels = dict.fromkeys(
                _split_curiosity(groups[int(one)], words, grouped) for one in chosen.split(",")
            )
        except (ValueError, IndexError):
            unusable.append(f"{row.location}: not text, known label ids and comment id")
            continue
        rows.append(Row(row.location, words, tuple(labels)))
    return rows


def load(path: Path) -> list[Texts]:
    """Loads GoEmotions with Ekman labels; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: expected train.tsv, dev.tsv, and labels.txt or emotions.txt in it"
        )
    groups, unusable = _group_by_id(root), list[str]()
    rows = {split: _read(root / f"{split}.tsv", groups, unusable) for split in SPLITS}
    return [
        split_as_published("GoEmotions Ekman", LICENCE, EKMAN, rows, unusable, includes=INCLUDES)
    ]
