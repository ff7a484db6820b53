"""What distinguishes one modality from another in training; everything else is shared."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import keras
import msgspec
import numpy as np

from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import Origin, Splits
from edge.emotions import Emotion, FloatArray
from edge.perception.manifest import InputSpec, Modality

Loaded = TypeVar("Loaded")
Layout = tuple[Callable[[Path], bool], Callable[[Path], Loaded]]
"""How to tell a data set by its files, and how to load it."""


class Schedule(msgspec.Struct, frozen=True):
    """How long and how fast to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    """Peak of the cosine schedule."""
    patience: int
    """Epochs without a lower loss on held-back data after which training stops."""
    weight_decay: float = 0.01
    largest_gradient: float | None = None
    """Norm of all gradients together to which a larger one is shortened."""
    keep_last: bool = False
    """Whether the last epoch is kept, not the one with the lowest loss on held-back data.

    For data of so few people that those held back say little about an epoch.
    """
    label_smoothing: float = 0.0
    """Share of each target that is given to all labels alike."""
    mixup: float = 0.0
    """Shape of the beta distribution that pairs of samples are mixed by; 0 for none."""
    second_weight: float = 1.0
    """What the loss of a second head counts beside that of the first."""
    teacher_share: float = 0.5
    """How much of a target comes from teachers, where there are any."""


class Task(ABC):
    """One modality's data, features, augmentation and network."""

    modality: ClassVar[Modality]
    label_map: ClassVar[dict[str, Emotion | None]]
    """Native labels in the order of the data set, each with its emotion among the seven."""
    multi_label: ClassVar[bool] = False
    corrects_prior: ClassVar[bool] = False
    """Whether rare classes are helped by taking a part of the log prior off the logits."""
    distils_before_training: ClassVar[bool] = False
    """Whether teachers are asked before training, by `taught`, not of every batch."""
    schedule: ClassVar[Schedule]

    @property
    def labels(self) -> tuple[str, ...]:
        """Native labels, in the order of the model's output."""
        return tuple(self.label_map)

    @abstractmethod
    def load(self, data: Sequence[Path]) -> Splits:
        """The data sets at `data`, as one; raises DatasetError."""

    def load_all(self, data: Sequence[Path]) -> Splits:
        """The data sets at `data` with all of it as the test split; raises DatasetError."""
        return self.load(data).all_as_test

    @abstractmethod
    def input_spec(self, train: Samples) -> InputSpec:
        """The features the model will take, with statistics of `train` where they need any."""

    def distil(self, train: Samples, teachers: Sequence[Path], share: float, seed: int) -> Samples:
        """Training samples with what the runs `teachers` say of them, and maybe of further ones.

        `share` is how much of a target comes from them. Raises EmotiondError.
        """
        return train

    def origins(self, teachers: Sequence[Path]) -> list[Origin]:
        """What the runs `teachers` learned from, where that may be more than their pupil."""
        return []

    def resume_options(self) -> dict[str, object]:
        """Options that a run is resumed with or not at all, as JSON can hold them."""
        return {}

    def prepare(self, train: Samples, spec: InputSpec, seed: int) -> Samples:
        """Training samples with whatever is too slow to be done in every epoch done once."""
        return train

    def sample_weights(self, samples: Samples) -> FloatArray | None:
        """How much each sample counts, adding up to one; None where all count alike.

        That is how likely a training sample is drawn, and a held-back one's weight in calibration.
        """
        return None

    @abstractmethod
    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        """A variation of one prepared training sample that keeps its label."""

    @abstractmethod
    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        """One augmented sample, or a whole one, as the device will show it to the model."""

    def batch(self, samples: Sequence[Any], spec: InputSpec) -> Any:
        """The features of several samples, as the network takes them in training.

        An array, where the schedule mixes samples or each batch is shown to teachers.
        """
        return np.stack([self.features(one, spec) for one in samples])

    def device_inputs(self, sample: Any, spec: InputSpec) -> list[FloatArray]:
        """All that the device shows the model of a sample, in turn; the answers are pooled."""
        return [self.features(sample, spec)]

    def draw_examples(self, splits: Splits, spec: InputSpec, folder: Path) -> Path | None:
        """A picture, in `folder`, of a few samples and what the model is shown of them, or None."""
        return None

    @abstractmethod
    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        """An untrained network from features to logits, in a layer called `logits`.

        With `second_labels`, a second output gives the logits of another labelling.
        """


def single_dataset(data: Sequence[Path]) -> Path:
    """The one data set of a task that takes no more; raises DatasetError."""
    if len(data) > 1:
        raise DatasetError(f"this model learns from one data set, and got {len(data)}")
    return data[0]


def load_known(path: Path, layouts: Sequence[Layout[Loaded]], known: str) -> Loaded:
    """The data set at `path`, by the first layout that fits; raises DatasetError."""
    for matches, load in layouts:
        if matches(path):
            return load(path)
    raise DatasetError(f"{path}: no known data set in it; known layouts: {known}")
