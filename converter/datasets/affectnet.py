"""AffectNet: faces found by web search engines, judged by hand (Mollahosseini et al. 2017).

Reads its published forms: training.csv and validation.csv with `subDirectory_filePath`, the box of
the face and `expression`, beside Manually_Annotated_Images/; or train_set/ and val_set/ with
images/N.jpg and annotations/N_exp.npy; or train/0 … train/7 and val/0 … val/7. The validation set
is the test. Pictures without an expression, uncertain ones and those without a face are left out.

Ask for it at http://mohammadmahoor.com/affectnet. For research only, no redistribution.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.files import Root, children, find_root, first_reason, read_bytes
from converter.datasets.pictures import LABELS, Box, PictureReader, face_set, one_hot
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits, hold_back
from converter.datasets.tables import read_table
from edge.perception.features import Pixels

DATASET = "AffectNet"
LICENCE = "research only, no redistribution (AffectNet)"
COLUMNS = ("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "expression")
IMAGES = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images", "images")
EXPRESSIONS = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
"""In the order of their numbers; 8 is none, 9 uncertain, and 10 no face."""
NAMES = ("training set", "validation set")


@dataclass(frozen=True)
class _Picture:
    file: Root
    expression: str
    """A number."""
    box: Box | None = None
    """The face; None for a picture that is a crop."""


def _tables(root: Root) -> list[Iterator[_Picture]] | None:
    files = [root / "training.csv", root / "validation.csv"]
    if not all(one.is_file() for one in files):
        return None
    images = next((root / name for name in IMAGES if (root / name).is_dir()), root)
    return [_listed(file, images) for file in files]


def _listed(file: Root, images: Root) -> Iterator[_Picture]:
    for where, row in read_table(file, COLUMNS):
        try:
            left, top, width, height = (int(float(row[name])) for name in COLUMNS[1:5])
        except ValueError as error:
            raise DatasetError(f"{where}: no box of a face ({error})") from error
        path = images / row[COLUMNS[0]].strip()
        yield _Picture(path, row["expression"].strip(), (left, top, width, height))


def _annotated(root: Root) -> list[Iterator[_Picture]] | None:
    folders = [root / "train_set", root / "val_set"]
    if not all((one / "annotations").is_dir() for one in folders):
        return None
    return [_beside(folder) for folder in folders]


def _beside(folder: Root) -> Iterator[_Picture]:
    for image in children(folder / "images"):
        file = folder / "annotations" / f"{Path(image.name).stem}_exp.npy"
        data = read_bytes(file)
        try:
            if isinstance(data, str):
                raise ValueError(data)
            expression = str(np.load(io.BytesIO(data), allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise DatasetError(f"{file}: no expression in it ({error})") from error
        yield _Picture(image, expression)


def _numbered(root: Root) -> list[Iterator[_Picture]] | None:
    tests = (root / name for name in ("val", "valid", "test"))
    test = next((one for one in tests if (one / "0").is_dir()), None)
    if test is None or not (root / "train" / "0").is_dir():
        return None
    return [_in_numbers(folder) for folder in (root / "train", test)]


def _in_numbers(folder: Root) -> Iterator[_Picture]:
    for number in children(folder):
        for image in children(number):
            yield _Picture(image, number.name)


def _sets(root: Root) -> list[Iterator[_Picture]] | None:
    """Returns the pictures of the training and the validation set, or None."""
    return _tables(root) or _annotated(root) or _numbered(root)


def matches(path: Path) -> bool:
    """Returns True if `path`, a folder or a zip of it, has one of the published forms."""
    return find_root(path, (), lambda folder: _sets(folder) is not None) is not None


def load(path: Path, seed: int = 0) -> Splits:
    """Loads the faces; a tenth of the training set is held back. Raises DatasetError."""
    root = find_root(path, (), lambda folder: _sets(folder) is not None)
    sets = None if root is None else _sets(root)
    if sets is None:
        raise DatasetError(f"{path}: expected training.csv and validation.csv, or train_set/")
    reader, unusable, lost = PictureReader(), list[str](), Counter[str]()
    train, test = (_read(path, one, reader, unusable, lost) for one in sets)
    train, held_back = hold_back(train, seed)
    counts = ", ".join(f"{number} {count}" for number, count in sorted(lost.items()))
    notes = (f"{lost.total()} pictures without an expression are left out: {counts}",)
    parts = train, held_back, test
    return face_set(
        DATASET,
        parts,
        NAMES,
        LICENCE,
        unusable,
        EXPRESSIONS,
        (notes if lost else ()) + reader.notes,
    )


def _read(
    path: Path,
    pictures: Iterator[_Picture],
    reader: PictureReader,
    unusable: list[str],
    lost: Counter[str],
) -> Samples:
    numbers = {str(number): label for number, label in enumerate(EXPRESSIONS)}
    found: list[Pixels] = []
    labels: list[str] = []
    for one in track(pictures, description=f"{DATASET}, reading", transient=True):
        if one.expression not in numbers:
            lost[one.expression] += 1
            continue
        pixels = reader.read(one.file, one.box)
        if isinstance(pixels, str):
            unusable.append(f"{one.file}: {pixels}")
            continue
        found.append(pixels)
        labels.append(numbers[one.expression])
    if not found:
        raise DatasetError(f"{path}: no usable picture{first_reason(unusable)}")
    return Samples(LABELS, found, one_hot(labels), (DATASET,) * len(found))
