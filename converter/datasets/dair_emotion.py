"""The dair-ai emotion data set: tweets labelled by their hashtag (Saravia et al. 2018).

Reads the published files train.txt, val.txt and, if it is there, test.txt: `text;emotion`, in lower
case without punctuation. *Love* counts as joy. The labels are noisy: nobody read the tweets.
https://github.com/dair-ai/emotion_dataset
"""

from pathlib import Path

from converter.datasets.files import Root, find_root, read_text
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_rows
from converter.datasets.texts import LABEL_OF, Row, Texts, split_as_published

LICENCE = "research use (dair-ai emotion)"
SPLITS = ("train", "val", "test")
LABELS = ("anger", "fear", "joy", "sadness", "surprise")
LABEL_BY_NAME = {"love": "joy", **LABEL_OF}


def _root(path: Path) -> Root | None:
    def holds(folder: Root) -> bool:
        return all((folder / f"{split}.txt").is_file() for split in SPLITS[:2]) and (
            ";" in read_text(folder / "val.txt").partition("\n")[0]
        )

    return find_root(path, ("data",), holds)


def matches(path: Path) -> bool:
    """Returns True if `path` has the files, with lines of the form text;emotion."""
    return _root(path) is not None


def _read(file: Root) -> list[Row]:
    rows = []
    for row in read_rows(file, ";", quoted=False):
        text, name = ";".join(row.values[:-1]), row.values[-1]
        label = LABEL_BY_NAME.get(name.strip().lower())
        rows.append(Row(row.location, text, (label,) if label else ()))
    return rows


def load(path: Path) -> list[Texts]:
    """Loads the tweets; raises DatasetError."""
    root = _root(path)
    if root is None:
        raise DatasetError(f"{path}: expected train.txt and val.txt in it, lines of text;emotion")
    found = [split for split in SPLITS if (root / f"{split}.txt").is_file()]
    rows = {split: _read(root / f"{split}.txt") for split in found}
    return [split_as_published("dair-ai emotion", LICENCE, LABELS, rows)]
