"""The statistics of batch normalization, which a published file or a pack has folded away."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

BATCHES = 100
"""Batches of training data that the statistics are of."""


def restore_statistics(model: keras.Model, batches: Sequence[Any]) -> None:
    """Sets batch normalization to the mean and variance of `batches`; outputs stay the same.

    In training, a layer normalizes by the statistics of each batch: without this, the first step
    would change what the weights compute.
    """
    layers = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
    inputs = keras.Model(model.input, {one.name: one.input for one in layers})
    count = min(len(batches), BATCHES)
    means, squares = ({one.name: 0.0 for one in layers} for _ in range(2))
    for index in range(count):
        for name, answer in inputs(batches[index][0], training=False).items():
            values = keras.ops.convert_to_numpy(answer)
            values = values.reshape(-1, values.shape[-1]).astype(np.float64)
            means[name] += values.mean(axis=0) / count
            squares[name] += (values**2).mean(axis=0) / count
    for layer in layers:
        mean = means[layer.name]
        variance = np.maximum(squares[layer.name] - mean**2, 0)
        gamma, beta, former_mean, former_variance = layer.get_weights()
        factor = gamma / np.sqrt(former_variance + layer.epsilon)
        offset = beta - factor * former_mean
        layer.set_weights(
            [factor * np.sqrt(variance + layer.epsilon), offset + factor * mean, mean, variance]
        )
