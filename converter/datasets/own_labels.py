"""The labels of a user's own data: names of emotions, and labels of the user's own (`--map`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.emotions import EMOTIONS, Emotion

NONE, SKIP = "none", "skip"
"""What a label may be mapped to beside an emotion: to no emotion, or left out of the data."""


def read_mapped(given: Sequence[str], targets: Collection[str]) -> dict[str, str]:
    """Reads `--map LABEL=TARGET` options into targets by label; raises DatasetError."""
    mapped: dict[str, str] = {}
    for one in given:
        name, _, target = (part.strip() for part in one.partition("="))
        if not name or target not in targets:
            *most, last = targets
            raise DatasetError(
                f"--map {one}: {target!r} is no emotion; use {', '.join(most)} or {last}"
            )
        if mapped.setdefault(name, target) != target:
            raise DatasetError(f"--map {name}: mapped to both {mapped[name]} and {target}")
    return mapped


@dataclass(frozen=True)
class OwnLabels:
    """The meaning of the names of folders and in tables, in any case."""

    names: Mapping[str, str]
    """The modality's label of each name that data sets use, in lower case."""
    mapped: Mapping[str, str] = field(default_factory=dict)
    """The emotion, NONE or SKIP of further names, as a user writes them."""

    def find(self, name: str) -> str | None:
        """Returns the label that `name` stands for, or None if it is unknown or left out."""
        return None if self.is_skipped(name) else self._labels.get(_key(name))

    def is_skipped(self, name: str) -> bool:
        """Returns True if samples of this name are to be left out."""
        skipped = (one for one, target in self.mapped.items() if target == SKIP)
        return self._canonical(name) in map(self._canonical, skipped)

    @property
    def added(self) -> tuple[str, ...]:
        """The labels that the modality lacks, in the order given."""
        kept = (name for name, target in self.mapped.items() if target != SKIP)
        return tuple(name for name in kept if _key(name) not in self.names)

    def extend(self, label_map: Mapping[str, Emotion | None]) -> dict[str, Emotion | None]:
        """Returns the modality's labels, each with its emotion, with those that `mapped` changes.

        Added labels come last.
        """
        extended = dict(label_map)
        for name, target in self.mapped.items():
            if target != SKIP:
                emotion = next((one for one in get_args(Emotion) if one == target), None)
                extended[self.names.get(_key(name), name)] = emotion
        return extended

    def explain(self, unknown: Collection[str]) -> str:
        """Returns the end of a message about names that are unknown."""
        some = next(iter(unknown))
        return (
            f"rename it, or add --map '{some}=happy' (one of {', '.join(EMOTIONS)}) or --map "
            f"'{some}={NONE}' for a label of its own, or --map '{some}={SKIP}' to leave it out"
        )

    def _canonical(self, name: str) -> str:
        """Returns one name for all names of a label."""
        return self.names.get(_key(name), _key(name))

    @property
    def _labels(self) -> dict[str, str]:
        return {_key(name): name for name in self.mapped} | dict(self.names)


def narrowed(splits: Splits) -> Splits:
    """Returns the splits with the labels alone that some annotators could choose."""
    offered = {label for scheme in splits.schemes.values() for label in scheme.labels}
    labels = tuple(label for label in splits.train.labels if label in offered)

    def narrow(samples: Samples) -> Samples:
        targets = samples.targets.copy()
        for dataset, scheme in splits.schemes.items():
            if not offered.issuperset(scheme.offered):
                rows = samples.rows_of({dataset})
                targets[rows] = scheme.merged(targets[rows], samples.labels)
        return replace(samples, targets=targets).with_labels(labels)

    schemes = {
        name: one if offered.issuperset(one.offered) else replace(one, includes={})
        for name, one in splits.schemes.items()
    }
    parts = map(narrow, (splits.train, splits.held_back, splits.test))
    train, held_back, test = parts
    return replace(splits, train=train, held_back=held_back, test=test, schemes=schemes)


def _key(name: str) -> str:
    return name.strip().lower()
