"""What distinguishes one modality from another in training; everything else is shared."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import keras
import msgspec
import numpy as np

from converter.samples import Samples, Splits
from edge.emotions import Emotion, FloatArray
from edge.perception.pack import InputSpec, Modality


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
    schedule: ClassVar[Schedule]

    @property
    def labels(self) -> tuple[str, ...]:
        """Native labels, in the order of the model's output."""
        return tuple(self.label_map)

    @abstractmethod
    def load(self, data: Path) -> Splits:
        """The data set at `data`; raises DatasetError."""

    @abstractmethod
    def input_spec(self, train: Samples) -> InputSpec:
        """The features the model will take, with statistics of `train` where they need any."""

    @abstractmethod
    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        """One sample as the device will show it to the model."""

    def windows(self, sample: Any, spec: InputSpec) -> list[Any]:
        """The parts of `sample` that the model is shown in turn; their answers are pooled."""
        return [sample]

    @abstractmethod
    def augment(self, sample: Any, rng: np.random.Generator) -> Any:
        """A variation of one training sample that keeps its label."""

    @abstractmethod
    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        """An untrained network from features to logits, in a layer called `logits`.

        With `second_labels`, a second output gives the logits of another labelling.
        """
