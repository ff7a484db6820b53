"""Where the values of a sample go in a model's input: their shape and the order of their axes."""

from dataclasses import dataclass
from math import prod

import numpy as np

from converter.importing.graph import Graph
from edge.emotions import FloatArray


@dataclass(frozen=True)
class Layout:
    """A model's input beside that of a device, which has one order for pictures and sound."""

    device: tuple[int, ...]
    """Shape of the features that a device computes: height, width, channels; or frames, bands."""
    own: tuple[int, ...]
    """Shape of the model's input, with a batch of 1."""
    order: tuple[int, ...] | None = None
    """Axes of the device's batch in the order of the model's; None for the same order."""

    def __post_init__(self) -> None:
        assert prod(self.device) == prod(self.own)

    @property
    def _ordered(self) -> tuple[int, ...]:
        batch = (1, *self.device)
        return batch if self.order is None else tuple(batch[axis] for axis in self.order)

    def arrange(self, features: FloatArray) -> FloatArray:
        """Returns a device's features as the model takes them, with a batch of 1."""
        batch = features.reshape(1, *self.device)
        ordered = batch if self.order is None else batch.transpose(self.order)
        return np.ascontiguousarray(ordered).reshape(self.own)

    def build_into(self, graph: Graph) -> None:
        """Lets a graph take the features as a device computes them."""
        if self._ordered != self.own:
            graph.reshape_input(self._ordered)
        if self.order is not None:
            graph.transpose_input((1, *self.device), self.order)
