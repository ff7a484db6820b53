"""Reads the data that an imported model is quantized with, and that it is measured on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.datasets.files import Root, children, first_reason, name_of, open_archive
from converter.datasets.own_layout import TEST, VAL, split_of
from converter.datasets.samples import DatasetError, concatenate
from converter.importing.file_reader import FileReader
from converter.importing.labels import Labels
from converter.packing.check_samples import SEEDS, SENTENCES
from converter.tasks import face, speech
from converter.tasks.base import Layout
from converter.tasks.registry import TASKS
from edge.capture.media import PICTURES, SOUNDS
from edge.perception.synthetic import draw_face, hum

MAX_REPRESENTATIVE, MAX_MEASURED = 400, 1000
MEASURED = VAL, TEST
"""The splits that are measured and nothing else."""
FEW = 60
"""With fewer samples, all of them set the scales and are measured as well."""
LAYOUTS: dict[str, Sequence[Layout[Any]]] = {"face": face.LAYOUTS, "speech": speech.LAYOUTS}
"""The published layouts of each modality whose samples are files."""
UNKNOWN = -1
"""The truth of a sample without a label."""
HUM_S = 3.0


@dataclass(frozen=True)
class Inputs:
    """Pictures (uint8 HxWx3 BGR or HxW), sounds (int16) or texts, with their labels."""

    samples: list[Any]
    truth: npt.NDArray[np.intp]
    """Places of the labels in the model's output; UNKNOWN without one."""

    def __len__(self) -> int:
        return len(self.samples)

    def some(self, rows: npt.NDArray[np.intp]) -> "Inputs":
        """Returns the inputs at `rows`."""
        return Inputs([self.samples[row] for row in rows], self.truth[rows])

    def drawn(self, count: int, rng: np.random.Generator) -> "Inputs":
        """Returns `count` of the inputs at random, or all."""
        return self if len(self) <= count else self.some(rng.permutation(len(self))[:count])


@dataclass(frozen=True)
class ImportData:
    """The data of one import."""

    name: str
    """Of the data sets; empty for check samples."""
    split: str
    representative: Inputs
    """Sets the scales of int8, and the temperature."""
    measured: Inputs
    notes: list[str] = field(default_factory=list)
    """Each thing about the data that a user should know."""


def load_data(modality: str, paths: Sequence[Path], labels: Labels, seed: int = 0) -> ImportData:
    """Loads data for an import; check samples without `paths`. Raises DatasetError."""
    if not paths:
        return _check_samples(modality)
    rng, notes = np.random.default_rng(seed), list[str]()
    train, test = [], []
    for path in paths:
        found = _from_folders(modality, path, labels, rng, notes)
        if found is None:
            found = _from_task(modality, path, labels, notes)
        train.append(found[0])
        test.append(found[1])
    name = " + ".join(name_of(path) for path in paths)
    fits, measures = _joined(train), _joined(test)
    split = "test"
    if not len(measures):
        if len(fits) < FEW:
            measures, split = fits, "the samples that set its scales"
            notes.append(f"only {len(fits)} samples: they set the scales and are measured as well")
        else:
            order = rng.permutation(len(fits))
            half = len(order) // 2
            measures, fits = fits.some(order[half:]), fits.some(order[:half])
            split = "a random half"
    elif not len(fits):
        fits = measures
    if not len(fits):
        raise DatasetError(f"{name}: no usable sample")
    fits, measures = fits.drawn(MAX_REPRESENTATIVE, rng), measures.drawn(MAX_MEASURED, rng)
    return ImportData(name, split, fits, measures, notes)


def _joined(parts: Sequence[Inputs]) -> Inputs:
    samples = [one for part in parts for one in part.samples]
    return Inputs(samples, np.concatenate([part.truth for part in parts]))


def _check_samples(modality: str) -> ImportData:
    samples: list[Any]
    if modality == "face":
        samples = [draw_face(seed) for seed in SEEDS]
    elif modality == "speech":
        samples = [hum(seed, HUM_S) for seed in SEEDS]
    else:
        samples = list(SENTENCES)
    inputs = _unlabelled(samples)
    warning = (
        f"no --data: {len(inputs)} made-up check samples set the scales of int8 and give the "
        "agreement; give real samples, a hundred or more, for a pack that you rely on"
    )
    return ImportData("", "check samples", inputs, inputs, [warning])


@dataclass(frozen=True)
class _File:
    file: Root
    truth: int
    is_test: bool


def _from_folders(
    modality: str, path: Path, labels: Labels, rng: np.random.Generator, notes: list[str]
) -> tuple[Inputs, Inputs] | None:
    """Reads pictures or sounds, by folders named after labels; None for a published layout."""
    endings = {"face": PICTURES, "speech": SOUNDS}.get(modality)
    if endings is None:
        return None
    root = open_archive(path)
    files = [one for one in _files(root, (), labels) if _suffix(one.file) in endings]
    if not files:
        return None
    if any(one.truth != UNKNOWN for one in files):
        unlabelled = Counter(_parent(one.file) for one in files if one.truth == UNKNOWN)
        for folder, count in unlabelled.items():
            notes.append(f"{path}: no label is called {folder!r}: its {count} files are left out")
        files = [one for one in files if one.truth != UNKNOWN]
    elif _is_published(modality, path):
        return None
    else:
        notes.append(f"{path}: no folder is named after a label: accuracy cannot be measured")
    parts = []
    reasons: list[str] = []
    reader = FileReader(modality)
    for is_test, most in ((False, MAX_REPRESENTATIVE + MAX_MEASURED), (True, MAX_MEASURED)):
        chosen = [one for one in files if one.is_test == is_test]
        chosen = [chosen[row] for row in sorted(rng.permutation(len(chosen))[:most])]
        read = reader.read([one.file for one in chosen], reasons)
        truth = np.array([chosen[place].truth for place, _ in read], np.intp)
        parts.append(Inputs([content for _, content in read], truth))
    if not any(len(one) for one in parts):
        raise DatasetError(f"{path}: no usable file{first_reason(reasons)}")
    if reasons:
        notes.append(f"{path}: {len(reasons)} files left out, the first: {reasons[0]}")
    if reader.cropped:
        notes.append(f"{path}: whole photographs, cropped to their largest face: {reader.cropped}")
    return parts[0], parts[1]


def _is_published(modality: str, path: Path) -> bool:
    return any(matches(path) for matches, _ in LAYOUTS[modality])


def _files(folder: Root, above: tuple[str, ...], labels: Labels) -> Iterator[_File]:
    for one in children(folder):
        if one.is_dir():
            yield from _files(one, (*above, one.name), labels)
        else:
            found = (labels.index(name) for name in reversed(above))
            truth = next((index for index in found if index is not None), UNKNOWN)
            yield _File(one, truth, any(split_of(name) in MEASURED for name in above))


def _suffix(file: Root) -> str:
    return Path(file.name).suffix.lower()


def _parent(file: Root) -> str:
    return Path(str(file)).parent.name


def _from_task(
    modality: str, path: Path, labels: Labels, notes: list[str]
) -> tuple[Inputs, Inputs]:
    """Reads a published layout as `train` does."""
    splits = TASKS[modality]().load([path])
    names = [labels.index(name) for name in splits.train.labels]
    fitting = splits.train if splits.test_split else concatenate([splits.train, splits.held_back])
    sets = (fitting, splits.test)
    notes += splits.notes
    occurring = {int(one) for samples in sets for one in samples.labelled.majority}
    if all(names[index] is None for index in occurring):
        notes.append(f"{path}: none of its labels is one of the model's: accuracy is not measured")
        return _unlabelled(sets[0].inputs), _unlabelled(sets[1].inputs)
    lost: Counter[str] = Counter()
    parts = []
    for samples in sets:
        places = [names[index] for index in samples.majority]
        rows = [row for row in samples.labelled_rows if places[row] is not None]
        lost.update(
            samples.labels[samples.majority[row]]
            for row in samples.labelled_rows
            if places[row] is None
        )
        truth = np.array([places[row] for row in rows], np.intp)
        parts.append(Inputs([samples.inputs[row] for row in rows], truth))
    for label, count in lost.items():
        notes.append(f"{path}: the model has no label for {label}: {count} samples left out")
    return parts[0], parts[1]


def _unlabelled(samples: Sequence[Any]) -> Inputs:
    return Inputs(list(samples), np.full(len(samples), UNKNOWN, np.intp))
