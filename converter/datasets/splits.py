"""What every data set loader gives: samples in three splits, with how they were labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from converter.datasets.samples import DatasetError, Samples, concatenate
from edge.emotions import FloatArray

HELD_BACK = "held back"
"""The name of that split in figures."""
BY_SPEAKER = "folds by speaker"
"""How the name of a split ends that is every speaker, each predicted by a model without them."""
WHOLE_SET = "all of it"
"""The name of a test split that is a whole data set."""
SEPARATOR = " + "
"""Between the names of data sets that are used as one, and between those of their splits."""
HELD_BACK_SHARE = 0.1


@dataclass(frozen=True)
class SecondLabels:
    """What a second labelling of a data set is called, in its own words."""

    dataset: str
    test_split: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class AnnotationScheme:
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


def by_family(schemes: Mapping[str, AnnotationScheme]) -> dict[str, dict[str, AnnotationScheme]]:
    """The data sets of each family, families and data sets in the order in which they come."""
    families: dict[str, dict[str, AnnotationScheme]] = {}
    for dataset, one in schemes.items():
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
    schemes: dict[str, AnnotationScheme] = field(default_factory=dict)
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
        return self.dataset.split(SEPARATOR)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """What a manifest says of the training data: an entry a data set, its name first."""
        parts = zip(self.datasets, self.train_split.split(SEPARATOR), strict=True)
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
    def all_as_test(self) -> "Splits":
        """All of it as the test split: for data that nobody learned from."""
        everything = concatenate([self.train, self.held_back, self.test])
        schemes = {name: replace(one, test_split=WHOLE_SET) for name, one in self.schemes.items()}
        return replace(self, test=everything, test_split=WHOLE_SET, schemes=schemes)

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
