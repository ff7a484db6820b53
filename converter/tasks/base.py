"""The interface of a training task: all that differs between modalities."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import keras
import msgspec
import numpy as np

from converter.datasets.files import describe_content
from converter.datasets.own_labels import NONE, SKIP, OwnLabels, narrowed, read_mapped
from converter.datasets.priors import label_priors
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Splits
from edge.emotions import EMOTIONS, Emotion, FloatArray
from edge.perception.interpreter import Features
from edge.perception.manifest import InputSpec, Modality

Loaded = TypeVar("Loaded")
Layout = tuple[Callable[[Path], bool], Callable[[Path], Loaded]]
"""Two functions: one that recognizes a data set by its files, and one that loads it."""


class Schedule(msgspec.Struct, frozen=True):
    """Duration and hyperparameters of a training."""

    epochs: int
    batch_size: int
    learning_rate: float
    """Peak of the cosine schedule."""
    patience: int
    """Epochs without a lower loss on held-back data after which training stops."""
    weight_decay: float = 0.01
    largest_gradient: float | None = None
    """Global norm that gradients are clipped to; None for no clipping."""
    keep_last: bool = False
    """True to keep the last epoch, not the one with the lowest loss on held-back data.

    For data of so few people that the loss on the held-back ones is mostly noise.
    """
    label_smoothing: float = 0.0
    """Share of each target that is spread over all labels."""
    mixup: float = 0.0
    """Shape of mixup's beta distribution; 0 for no mixup."""
    teacher_share: float = 0.5
    """Share of a target that comes from teachers, if there are any."""
    least_batches: int = 0
    """Batches in an epoch at least; the samples of a small set are seen several times in one."""
    trained_layers: int | None = None
    """The last layers with a kernel that learn from few samples, if the network starts from a pack;
    None for all.

    The earlier ones know more than a few dozen samples can tell them.
    """


class Task(ABC):
    """One modality's data, features, augmentation and network."""

    modality: ClassVar[Modality]
    label_map: dict[str, Emotion | None]
    """Native labels, in the order of the model's output, each with its emotion of the seven.

    `load` replaces it if data have labels of their own.
    """
    names: ClassVar[Mapping[str, str]]
    """The label of each name that data sets use, in lower case."""
    map: Sequence[str]
    """LABEL=TARGET for each further name of a label, see `OwnLabels`."""
    multi_label: ClassVar[bool] = False
    balances_labels: ClassVar[bool] = False
    """True to train for equally frequent labels: the label priors of each data set count apart.

    `quantize` then adds back what answers best, see `fit_prior`.
    """
    fits_prior_across_sets: ClassVar[bool] = True
    """Whether several data sets together say how frequent labels are.

    If False, only a single set does; emotions of several are taken as equally likely.
    """
    absent_prior: ClassVar[float] = 0.0
    """The label prior, in the loss, of a label that the annotators of a set could not choose.

    Above 0, its logits on such a set's samples cannot rise without bound.
    """
    rates_familiarity: ClassVar[bool] = False
    """True if `quantize` measures how strong the logits of ordinary samples are."""
    source_shift: ClassVar[float] = 1.0
    """Factor of the fitted temperature, for data of other sources, on which models are too sure."""
    schedule: ClassVar[Schedule]
    fine_tuning: ClassVar[Schedule | None] = None
    """The schedule of a training that starts from a pack; None if it cannot."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Native labels, in the order of the model's output."""
        return tuple(self.label_map)

    def know_labels(self, label_map: Mapping[str, Emotion | None]) -> None:
        """Makes the labels of a pack known in a user's own data, unless `map` says otherwise."""
        known = [f"{name}={emotion or NONE}" for name, emotion in label_map.items()]
        given = {one.partition("=")[0].strip() for one in self.map}
        own = [one for one in known if one.rpartition("=")[0].lower() not in self.names]
        self.map = [*self.map, *(one for one in own if one.rpartition("=")[0] not in given)]

    @property
    def own_labels(self) -> OwnLabels:
        """The labels that a user's own data may have."""
        return OwnLabels(self.names, read_mapped(self.map, (*EMOTIONS, NONE, SKIP)))

    def settled(self, splits: Splits) -> Splits:
        """Returns loaded data with the labels of the network, which are then those of the task.

        They are those of the modality, unless some are a user's own: then they are all that the
        data sets have.
        """
        added = self.own_labels.added
        meanings = self.own_labels.extend(type(self).label_map)
        offered = {label for scheme in splits.schemes.values() for label in scheme.labels}
        missing = [label for label in added if label not in offered]
        notes = (*splits.notes, *(f"{label}: no sample has this label" for label in missing))
        narrow = replace(narrowed(splits) if offered.intersection(added) else splits, notes=notes)
        self.label_map = {label: meanings[label] for label in narrow.train.labels}
        return narrow

    @abstractmethod
    def load(self, data: Sequence[Path]) -> Splits:
        """Loads the data sets at `data` as one; raises DatasetError."""

    def load_all(self, data: Sequence[Path]) -> Splits:
        """Loads the data sets at `data` with all samples as the test split; raises DatasetError."""
        return self.load(data).all_as_test

    @abstractmethod
    def input_spec(self, train: Samples) -> InputSpec:
        """Returns the model's input features, with statistics of `train` if they need any."""

    def prepare(self, train: Samples, spec: InputSpec, seed: int) -> Samples:
        """Prepares training samples: all that is too slow to do in every epoch."""
        return train

    def sample_weights(self, samples: Samples) -> FloatArray | None:
        """Returns a weight for each sample, adding up to 1, or None for equal weights.

        A training sample is drawn with this probability; a held-back one counts so for the prior.
        """
        return None

    def label_priors(self, splits: Splits, absent: float = 0.0) -> dict[str, FloatArray]:
        """Returns the label priors of each data set, by the samples that a training draws."""
        drawn = self.sample_weights(splits.train)
        return label_priors(splits.train, splits.schemes, drawn, absent)

    @abstractmethod
    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        """Returns a variation of one prepared training sample, with the same label."""

    @abstractmethod
    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        """Computes the features of an augmented or complete sample, as the device does."""

    def batch(self, samples: Sequence[Any], spec: InputSpec) -> Any:
        """Computes the features of several samples, as the network takes them in training.

        They must be an array for mixup, and for teachers that predict every batch.
        """
        return np.stack([self.features(one, spec) for one in samples])

    def device_inputs(self, sample: Any, spec: InputSpec) -> Sequence[Features]:
        """Returns all model inputs that the device makes of a sample; their outputs are pooled."""
        return [self.features(sample, spec)]

    def draw_examples(self, splits: Splits, spec: InputSpec, folder: Path) -> Path | None:
        """Draws a few samples and their features into a picture in `folder`; may return None."""
        return None

    @abstractmethod
    def build(self, spec: InputSpec) -> keras.Model:
        """Builds an untrained network from features to logits, in a layer called `logits`."""


def load_known(
    path: Path,
    layouts: Sequence[Layout[Loaded]],
    known: str,
    refuse: Callable[[Path], None] | None = None,
) -> Loaded:
    """Loads the data set at `path` with the first layout that matches; raises DatasetError.

    `refuse` may raise one that says more about what none of them matches.
    """
    try:
        if not path.exists():
            raise DatasetError(f"{path}: no such file or folder; check the path")
        for matches, load in layouts:
            if matches(path):
                return load(path)
        if refuse is not None:
            refuse(path)
        content = describe_content(path)
    except OSError as error:  # the system does not let a file or folder be read
        place = error.filename or path
        raise DatasetError(f"{place}: cannot read it ({error.strerror or error})") from error
    raise DatasetError(f"{path}: no known data set, {content}; known layouts: {known}")


def chosen(names: Sequence[str], only: Sequence[str]) -> Sequence[str]:
    """Returns the names of the data sets to use, all without `only`; raises DatasetError."""
    if unknown := [name for name in only if name not in names]:
        raise DatasetError(f"no data set is called {unknown[0]!r}; found {', '.join(names)}")
    return only or names
