"""A small network over the answers of several modalities: inputs, int8 weights, output."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.emotions import EMOTIONS, FloatArray

INPUTS_EACH = len(EMOTIONS) + 1
"""Inputs of each modality: its evidence on each emotion, and its trust."""

MAX_CORRECTION = np.float32(4.0)
"""Nepers: a network that learned nonsense must not rule out an emotion."""
LEAST_TRUST = np.float32(1e-12)
"""Instead of the trust of modalities that are all missing."""

Weight = Annotated[int, Meta(ge=-127, le=127)]
Bias = Annotated[float, Meta(ge=-100, le=100)]


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fully connected layer."""

    weights: tuple[tuple[Weight, ...], ...]
    """int8, a row for each input."""
    scale: Annotated[float, Meta(gt=0, le=10)]
    """Real value of one step of a weight."""
    biases: tuple[Bias, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of inputs and outputs."""
        return len(self.weights), len(self.biases)


class NetworkFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network as models/fusion.json has it."""

    modalities: tuple[str, ...]
    """In the order of the inputs."""
    hidden: Layer
    output: Layer

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports as what is wrong with the file."""
        inputs, (_, units) = len(self.modalities) * INPUTS_EACH, self.hidden.shape
        for layer, shape in ((self.hidden, (inputs, units)), (self.output, (units, len(EMOTIONS)))):
            if layer.shape != shape or any(len(row) != shape[1] for row in layer.weights):
                raise ValueError(f"a layer of the network is not {shape[0]} by {shape[1]}")


def company(shares: FloatArray) -> FloatArray:
    """Returns how far none of several has all the trust, 0..1 [..., 1], for shares [..., n]."""
    return np.asarray(np.minimum(2 * (shares * (1 - shares)).sum(axis=-1, keepdims=True), 1))


def network_inputs(
    names: Sequence[str], evidence: FloatArray, trust: FloatArray, modalities: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    """Returns the inputs, float32[..., inputs], and how far several are observed, 0..1 [..., 1].

    `names` are the modalities of the inputs; those that are missing have only zeros, and several
    observations of one have their mean. Evidence is float32[..., n, 7] and trust float32[..., n],
    of `modalities`.
    """
    known = np.zeros((*trust.shape[:-1], len(names)), np.float32)
    values = np.ones((*known.shape, INPUTS_EACH), np.float32)
    for place, name in enumerate(names):
        same = [one for one, modality in enumerate(modalities) if modality == name]
        if same:
            own = trust[..., same]
            known[..., place] = own.max(axis=-1)
            weights = (own / np.maximum(own.sum(axis=-1, keepdims=True), LEAST_TRUST))[..., None]
            values[..., place, :-1] = (weights * evidence[..., same, :]).sum(axis=-2)
    values *= (known / np.maximum(known.max(axis=-1, keepdims=True), LEAST_TRUST))[..., None]
    shares = known / np.maximum(known.sum(axis=-1, keepdims=True), LEAST_TRUST)
    return values.reshape(*known.shape[:-1], -1), company(shares)


@dataclass(frozen=True)
class Network:
    """Corrects the weighted product: one hidden layer of rectified linear units."""

    file: NetworkFile

    def correction(
        self, evidence: FloatArray, trust: FloatArray, modalities: Sequence[str]
    ) -> FloatArray:
        """Returns what to add to log probabilities, float32[..., 7].

        Evidence is float32[..., n, 7] and trust float32[..., n]. The correction is 0 as far as one
        of the modalities that the network knows has all the trust; others do not count.
        """
        inputs, together = network_inputs(self.file.modalities, evidence, trust, modalities)
        hidden, output = self._layers
        units = np.maximum(inputs @ hidden[:-1] + hidden[-1], 0)
        learned = np.clip(units @ output[:-1] + output[-1], -MAX_CORRECTION, MAX_CORRECTION)
        return np.asarray(together * learned, np.float32)

    @cached_property
    def _layers(self) -> tuple[FloatArray, ...]:
        """Real weights, float32[inputs + 1, outputs] of each layer, the biases in the last row."""
        return tuple(
            np.vstack([one.scale * np.array(one.weights), one.biases]).astype(np.float32)
            for one in (self.file.hidden, self.file.output)
        )
