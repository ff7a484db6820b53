"""What every data set loader gives: labelled samples in three splits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.errors import EmotiondError

HELD_BACK = "held back"
"""The name of that split in figures."""
BY_SPEAKER = "folds by speaker"
"""How the name of a split ends that is every speaker, each judged by a model without them."""
ALL = "all of it"
"""The name of a test split that is a whole data set."""
JOINED = " + "
"""Between the names of data sets that are used as one, and between those of their splits."""
HELD_BACK_SHARE = 0.1


class DatasetError(EmotiondError):
    """A data set that is missing, empty or not in its published layout."""


@dataclass(frozen=True)
class Samples:
    """Inputs as they were published, with what annotators said of each."""

    labels: tuple[str, ...]
    inputs: Sequence[Any]
    """Pictures (uint8 HxW), sounds (int16 mono) or texts."""
    targets: FloatArray
    """float32[len(inputs), labels]: each row a distribution over the labels."""
    groups: tuple[str, ...]
    """Speaker, subject, source or data set of each input; no person is in two splits."""
    second: FloatArray | None = None
    """float32[len(inputs), second labels]: another labelling of the same inputs, if there is one.

    A row of zeros, here or in `targets`, says nothing of its input.
    """

    def __len__(self) -> int:
        return len(self.inputs)

    def __str__(self) -> str:
        counts = ", ".join(f"{label} {n}" for label, n in self.counts().items())
        return f"{len(self)} ({counts})"

    @property
    def majority(self) -> npt.NDArray[np.intp]:
        """Index of each input's foremost label."""
        return np.asarray(self.targets.argmax(axis=1), np.intp)

    def subset(self, indices: npt.NDArray[np.intp]) -> "Samples":
        """The samples at `indices`, in that order."""
        return Samples(
            self.labels,
            [self.inputs[i] for i in indices],
            self.targets[indices],
            tuple(self.groups[i] for i in indices),
            None if self.second is None else self.second[indices],
        )

    @property
    def labelled_rows(self) -> npt.NDArray[np.intp]:
        """Indices of the samples of which `targets` say something."""
        return np.flatnonzero(self.targets.any(axis=1))

    @property
    def second_rows(self) -> npt.NDArray[np.intp]:
        """Indices of the samples of which the second labelling says something."""
        if self.second is None:
            raise DatasetError("these samples have no second labelling")
        return np.flatnonzero(self.second.any(axis=1))

    @property
    def labelled(self) -> "Samples":
        """The samples of which `targets` say something."""
        return self.subset(self.labelled_rows)

    def by_second(self, labels: tuple[str, ...]) -> "Samples":
        """The samples of which the second labelling says something, labelled by it."""
        chosen = self.subset(self.second_rows)
        assert chosen.second is not None
        return Samples(labels, chosen.inputs, chosen.second, chosen.groups)

    def rows_of(self, groups: Collection[str]) -> npt.NDArray[np.intp]:
        """Indices of the samples of the given groups."""
        return np.flatnonzero([group in groups for group in self.groups])

    def of_groups(self, groups: Collection[str]) -> "Samples":
        """The samples of the given groups."""
        return self.subset(self.rows_of(groups))

    def counts(self) -> dict[str, int]:
        """How many inputs have each label foremost."""
        found = Counter(int(index) for index in self.labelled.majority)
        return {label: found[index] for index, label in enumerate(self.labels)}


def concatenate(parts: Sequence[Samples]) -> Samples:
    """All samples of parts that are labelled alike."""
    seconds = [part.second for part in parts if part.second is not None]
    return Samples(
        parts[0].labels,
        [one for part in parts for one in part.inputs],
        np.concatenate([part.targets for part in parts]),
        tuple(group for part in parts for group in part.groups),
        np.concatenate(seconds) if len(seconds) == len(parts) else None,
    )


@dataclass(frozen=True)
class SecondLabels:
    """What a second labelling of a data set is called, in its own words."""

    dataset: str
    test_split: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """What annotators who could give several labels at once were asked of one data set."""

    family: str
    """The name of what was published together, with the same habits: maybe in many languages."""
    labels: tuple[str, ...]
    """Those that they chose from."""
    test_split: str
    includes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further labels of the samples that one of those stands for as well."""

    def column(self, label: str, values: FloatArray, labels: Sequence[str]) -> FloatArray:
        """The values, float32[samples], of what is called `label` here.

        `values`, float32[samples, labels], are those of all labels of the samples.
        """
        meant = (label, *self.includes.get(label, ()))
        return np.asarray(values[:, [labels.index(one) for one in meant]].sum(axis=1))


def by_family(judged: Mapping[str, Judged]) -> dict[str, dict[str, Judged]]:
    """The data sets of each family, families and data sets in the order in which they come."""
    families: dict[str, dict[str, Judged]] = {}
    for dataset, one in judged.items():
        families.setdefault(one.family, {})[dataset] = one
    return families


@dataclass(frozen=True)
class Origin:
    """Where what a model knows comes from."""

    trained_on: tuple[str, ...]
    """An entry a data set, its name first."""
    licence: str
    """Of the data, and so of the model."""

    def joined(self, others: Sequence["Origin"]) -> "Origin":
        """That of a model whose teachers have the others; each thing is said once."""
        all_of_them = [self, *others]
        return Origin(
            tuple(dict.fromkeys(entry for one in all_of_them for entry in one.trained_on)),
            "; ".join(
                dict.fromkeys(name for one in all_of_them for name in one.licence.split("; "))
            ),
        )


@dataclass(frozen=True)
class Splits:
    """Data to learn from: `train` fits weights, `held_back` chooses, `test` is looked at once."""

    dataset: str
    train: Samples
    held_back: Samples
    test: Samples
    train_split: str
    test_split: str
    """The published names of the splits, as manifests quote them; one without a name is empty."""
    licence: str
    """Of the data, and so of a model that learns from it."""
    unusable: tuple[str, ...] = field(default=())
    """Each file or row that was left out, with the reason."""
    second: SecondLabels | None = None
    """Of every split's `second`."""
    judged: dict[str, Judged] = field(default_factory=dict)
    """Where samples have several labels: by data set, which is the group of its samples."""

    def __post_init__(self) -> None:
        """Raises DatasetError where there is nothing to learn from or to measure on."""
        for name, samples in self._parts.items():
            if not len(samples.labelled_rows):
                raise DatasetError(
                    f"{self.dataset}: no sample is left for {name}; more data is needed"
                )
        found = [label for label, count in self.train.counts().items() if count]
        if self.train_split and len(found) == 1:
            raise DatasetError(
                f"{self.dataset}: every training sample shows {found[0]}; "
                "there is nothing to tell apart"
            )

    @property
    def datasets(self) -> list[str]:
        """The names of the data sets that are in it."""
        return self.dataset.split(JOINED)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """What a manifest says of the training data: an entry a data set, its name first."""
        parts = zip(self.datasets, self.train_split.split(JOINED), strict=True)
        return tuple(f"{dataset} {split}" for dataset, split in parts)

    @property
    def origin(self) -> "Origin":
        """What is to be said of a model that learns from these."""
        return Origin(self.trained_on, self.licence)

    @property
    def _parts(self) -> dict[str, Samples]:
        taught = {"train": self.train, HELD_BACK: self.held_back} if self.train_split else {}
        tested = {self.test_split: self.test} if self.test_split else {}
        return taught | tested

    @property
    def whole(self) -> "Splits":
        """All of it as the test split: for data that nobody learned from."""
        everything = concatenate([self.train, self.held_back, self.test])
        judged = {name: replace(one, test_split=ALL) for name, one in self.judged.items()}
        return replace(self, test=everything, test_split=ALL, judged=judged)

    def summary(self) -> str:
        """A count per class and split, and each thing left out, for a person to read."""
        lines = [f"{self.dataset}: {len(self.unusable)} left out"]
        for name, samples in self._parts.items():
            lines.append(f"  {name}: {samples}")
            if self.second is not None:
                others = samples.by_second(self.second.labels)
                lines.append(f"  {name}, by {self.second.dataset}'s labels: {others}")
        return "\n".join([*lines, *(f"  left out: {reason}" for reason in self.unusable)])


def hold_back(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Splits off a random HELD_BACK_SHARE of `samples`, at least one, alike for the same seed."""
    order = np.random.default_rng(seed).permutation(len(samples))
    held = max(round(len(samples) * HELD_BACK_SHARE), 1)
    return samples.subset(np.sort(order[held:])), samples.subset(np.sort(order[:held]))
