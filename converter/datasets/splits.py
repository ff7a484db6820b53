"""Training, held-back and test splits of data sets, their annotation and their origin."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from converter.datasets.samples import DatasetError, Samples, concatenate
from edge.emotions import FloatArray

HELD_BACK = "held back"
"""The name of the held-back split in metrics."""
BY_SPEAKER = "folds by speaker"
"""The end of a split's name if each speaker is tested by a model trained without them."""
WHOLE_SET = "all of it"
"""The name of a test split that is a whole data set."""
LEFT_OUT = "left out"
"""The name of the split of a data set that is tested by a model trained on the other sets."""
SEPARATOR = " + "
"""Separates the names of joined data sets, and those of their splits."""
HELD_BACK_SHARE = 0.1


@dataclass(frozen=True)
class AnnotationScheme:
    """The task of a data set's annotators: the labels that they could give a sample."""

    family: str
    """The name of data sets published together with the same annotation, one per language."""
    labels: tuple[str, ...]
    """The labels that the annotators could choose."""
    test_split: str
    includes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further labels of the samples that one of the annotators' labels includes."""

    @property
    def offered(self) -> tuple[str, ...]:
        """All labels that a sample may have: the annotators', and those that they include."""
        return (*self.labels, *chain.from_iterable(self.includes.values()))

    def merged(self, probabilities: FloatArray, labels: Sequence[str]) -> FloatArray:
        """Returns probabilities, float32[samples, labels], of the annotators' labels alone.

        A label that one of them includes adds its probability to that one.
        """
        of_annotators = np.array(probabilities, np.float32)
        for label, included in self.includes.items():
            of_annotators[:, labels.index(label)] = self.column(label, probabilities, labels)
            of_annotators[:, [labels.index(one) for one in included]] = 0
        return of_annotators

    def spread(self, targets: FloatArray, labels: Sequence[str]) -> FloatArray:
        """Returns targets, float32[samples, labels], shared out evenly over included labels.

        A network that learns other samples by the included labels must give up neither.
        """
        shared = np.array(targets, np.float32)
        for label, included in self.includes.items():
            columns = [labels.index(one) for one in (label, *included)]
            shared[:, columns] = targets[:, columns].sum(axis=1, keepdims=True) / len(columns)
        return shared

    def column(self, label: str, values: FloatArray, labels: Sequence[str]) -> FloatArray:
        """Returns the values, float32[samples], of one of the annotators' labels.

        `values`, float32[samples, labels], are the values of all labels of the samples.
        """
        meant = (label, *self.includes.get(label, ()))
        return np.asarray(values[:, [labels.index(one) for one in meant]].sum(axis=1))


def by_family(schemes: Mapping[str, AnnotationScheme]) -> dict[str, dict[str, AnnotationScheme]]:
    """Groups data sets by family, and keeps their order."""
    families: dict[str, dict[str, AnnotationScheme]] = {}
    for dataset, one in schemes.items():
        families.setdefault(one.family, {})[dataset] = one
    return families


def as_annotated(
    probabilities: FloatArray, samples: Samples, schemes: Mapping[str, AnnotationScheme]
) -> FloatArray:
    """Returns the probabilities, float32[samples, labels], of the labels of each one's annotators.

    The samples have the data sets as groups.
    """
    answers = np.array(probabilities, np.float32)
    for dataset, scheme in schemes.items():
        rows = samples.rows_of({dataset})
        answers[rows] = scheme.merged(answers[rows], samples.labels)
    return answers


@dataclass(frozen=True)
class Origin:
    """The data behind a model's weights."""

    trained_on: tuple[str, ...]
    """One entry per data set, its name first."""
    licence: str
    """The licence of the data, and so of the model."""

    def joined(self, others: Sequence["Origin"]) -> "Origin":
        """Returns the union of this origin and `others`, without repetitions."""
        all_of_them = [self, *others]
        return Origin(
            tuple(dict.fromkeys(entry for one in all_of_them for entry in one.trained_on)),
            "; ".join(
                dict.fromkeys(name for one in all_of_them for name in one.licence.split("; "))
            ),
        )


@dataclass(frozen=True)
class Splits:
    """Data in three splits: `train` fits weights, `held_back` selects, `test` is measured once."""

    datasets: tuple[str, ...]
    """The names of the data sets, several if they are joined."""
    train: Samples
    held_back: Samples
    test: Samples
    train_splits: tuple[str, ...]
    """The published name of each data set's training split; empty if there is no training."""
    test_split: str
    """The published name of the test split, as manifests quote it; empty if there is none."""
    licence: str
    """The licence of the data, and so of a model trained on it."""
    unusable: tuple[str, ...] = field(default=())
    """Each file or row that was left out, with the reason."""
    schemes: dict[str, AnnotationScheme] = field(default_factory=dict)
    """By data set. After joining, the data set is also the group of its samples."""
    notes: tuple[str, ...] = ()
    """Each thing that loading did to the data and that a user should know."""

    def __post_init__(self) -> None:
        """Raises DatasetError if there is nothing to train on or to measure on."""
        for name, samples in self._parts.items():
            if not len(samples.labelled_rows):
                raise DatasetError(
                    f"{self.dataset}: no sample is left for {name}; more data is needed"
                )
        found = [label for label, count in self.train.counts().items() if count]
        if self.train_splits and len(found) == 1:
            raise DatasetError(
                f"{self.dataset}: every training sample shows {found[0]}; "
                "training needs at least two labels"
            )

    @property
    def dataset(self) -> str:
        """The names of the data sets as one text."""
        return SEPARATOR.join(self.datasets)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The training data as a manifest lists it: one entry per data set, its name first."""
        parts = zip(self.datasets, self.train_splits, strict=True)
        return tuple(f"{dataset} {split}" for dataset, split in parts)

    @property
    def origin(self) -> "Origin":
        """The origin of a model trained on these splits."""
        return Origin(self.trained_on, self.licence)

    @property
    def _parts(self) -> dict[str, Samples]:
        training = {"train": self.train, HELD_BACK: self.held_back} if self.train_splits else {}
        test = {self.test_split: self.test} if self.test_split else {}
        return training | test

    @property
    def held_back_as_test(self) -> "Splits":
        """The same data with the held-back samples as the test split."""
        return self._with_test(self.held_back, HELD_BACK)

    @property
    def all_as_test(self) -> "Splits":
        """All samples as the test split, for data that no model was trained on."""
        return self._with_test(concatenate([self.train, self.held_back, self.test]), WHOLE_SET)

    def only(self, datasets: Collection[str]) -> "Splits":
        """The samples of some of the joined data sets."""
        chosen = [one for one in self.datasets if one in datasets]
        names = dict(zip(self.datasets, self.train_splits, strict=True))
        return replace(
            self,
            datasets=tuple(chosen),
            train=self.train.of_groups(chosen),
            held_back=self.held_back.of_groups(chosen),
            test=self.test.of_groups(chosen),
            train_splits=tuple(names[one] for one in chosen),
            schemes={name: one for name, one in self.schemes.items() if name in chosen},
        )

    def _with_test(self, test: Samples, name: str) -> "Splits":
        schemes = {dataset: replace(one, test_split=name) for dataset, one in self.schemes.items()}
        return replace(self, test=test, test_split=name, schemes=schemes)

    def summary(self) -> str:
        """Describes the splits for the user: counts by class, and each thing left out."""
        lines = [f"{self.dataset}: {len(self.unusable)} left out"]
        for name, samples in self._parts.items():
            lines.append(f"  {name}: {samples}")
        lines += [f"  note: {one}" for one in self.notes]
        return "\n".join([*lines, *(f"  left out: {reason}" for reason in self.unusable)])


def split_by_group(
    samples: Samples, held_back: Collection[str], test: Collection[str]
) -> tuple[Samples, Samples, Samples]:
    """Splits into train, held back and test; `train` has all groups but those of the others."""
    train = set(samples.groups).difference(held_back, test)
    return samples.of_groups(train), samples.of_groups(held_back), samples.of_groups(test)


def check_distinct(names: Sequence[str], kind: str) -> None:
    """Raises DatasetError if two data sets have the same name, which is that of a `kind`."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise DatasetError(f"two data sets are called {twice[0]!r}; rename the {kind} of one")


def tenth_of(name: str) -> int:
    """Returns the tenth of a data set, 0..9, that a sample with this name is in, by its hash."""
    return hashlib.sha256(name.encode()).digest()[0] % 10


def hold_back(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Splits off a random HELD_BACK_SHARE of `samples`, at least one, the same for a seed."""
    order = np.random.default_rng(seed).permutation(len(samples))
    held = max(round(len(samples) * HELD_BACK_SHARE), 1)
    return samples.subset(np.sort(order[held:])), samples.subset(np.sort(order[:held]))
