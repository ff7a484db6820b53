"""Labelled samples, the common form of every data set."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.errors import EmotiondError


class DatasetError(EmotiondError):
    """A data set that is missing, empty or not in its published layout."""


@dataclass(frozen=True)
class Samples:
    """Inputs as published, with the annotators' labels."""

    labels: tuple[str, ...]
    inputs: Sequence[Any]
    """Pictures (uint8 HxW), sounds (int16 mono) or texts."""
    targets: FloatArray
    """float32[len(inputs), labels]: each row a distribution, or zeros for an unlabelled input."""
    groups: tuple[str, ...]
    """The data set of each input, or before data sets are joined its speaker, subject or source."""
    people: tuple[str, ...] = ()
    """The speaker of each input, unique across data sets; may be empty. None is in two splits."""

    def __len__(self) -> int:
        return len(self.inputs)

    def __str__(self) -> str:
        counts = ", ".join(f"{label} {n}" for label, n in self.counts().items())
        return f"{len(self)} ({counts})"

    @property
    def majority(self) -> npt.NDArray[np.intp]:
        """Index of each input's most likely label."""
        return np.asarray(self.targets.argmax(axis=1), np.intp)

    def subset(self, indices: npt.NDArray[np.intp]) -> "Samples":
        """Returns the samples at `indices`, in that order."""
        return Samples(
            self.labels,
            [self.inputs[i] for i in indices],
            self.targets[indices],
            tuple(self.groups[i] for i in indices),
            tuple(self.people[i] for i in indices) if self.people else (),
        )

    @property
    def labelled_rows(self) -> npt.NDArray[np.intp]:
        """Indices of the samples that have a label."""
        return np.flatnonzero(self.targets.any(axis=1))

    @property
    def labelled(self) -> "Samples":
        """The samples that have a label."""
        return self.subset(self.labelled_rows)

    def rows_of(self, groups: Collection[str]) -> npt.NDArray[np.intp]:
        """Returns the indices of the samples of the given groups."""
        return np.flatnonzero([group in groups for group in self.groups])

    def of_groups(self, groups: Collection[str]) -> "Samples":
        """Returns the samples of the given groups."""
        return self.subset(self.rows_of(groups))

    def with_labels(self, labels: tuple[str, ...]) -> "Samples":
        """Returns the samples with other labels in another order; those that are lost have none."""
        if labels == self.labels:
            return self
        targets = np.zeros((len(self), len(labels)), np.float32)
        for column, label in enumerate(labels):
            if label in self.labels:
                targets[:, column] = self.targets[:, self.labels.index(label)]
        return replace(self, labels=labels, targets=targets)

    def counts(self) -> dict[str, int]:
        """Counts the inputs by their most likely label."""
        found = Counter(int(index) for index in self.labelled.majority)
        return {label: found[index] for index, label in enumerate(self.labels)}


def concatenate(parts: Sequence[Samples]) -> Samples:
    """Joins parts; the labels are those of any part, in the order in which they are met."""
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    return Samples(
        labels,
        [one for part in parts for one in part.inputs],
        np.concatenate([part.with_labels(labels).targets for part in parts]),
        tuple(group for part in parts for group in part.groups),
        tuple(person for part in parts for person in part.people),
    )
