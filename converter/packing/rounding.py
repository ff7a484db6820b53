"""Rounds depthwise kernels for int8 so that their errors cancel where a picture is smooth.

A kernel of nine weights that finds edges answers large equal values with nearly 0. Each weight
rounded by itself, the errors add up to an answer of their own; of pointwise kernels, with hundreds
of weights, they hardly do.
"""

from itertools import pairwise

import keras
import numpy as np

from edge.emotions import FloatArray

LEVELS = 127
"""The largest weight of a channel in int8."""
TINY = 1e-12


def round_depthwise(model: keras.Model) -> bool:
    """Sets the depthwise kernels of `model` to values that int8 holds exactly, sums kept.

    Batch normalization after a kernel is folded into it on export, and counts here as well. Returns
    True if there are any.
    """
    found = False
    for layer, following in pairwise(model.layers):
        if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.depth_multiplier == 1:
            found = True
            kernel, *bias = layer.get_weights()
            gain = _gain(layer, following)[:, None]
            folded = kernel * gain
            step = np.maximum(np.abs(folded).max(axis=(0, 1)) / LEVELS, TINY)
            rounded = keep_sums(folded / step) * step / np.where(gain == 0, 1, gain)
            layer.set_weights([np.where(gain == 0, kernel, rounded), *bias])
    return found


def keep_sums(kernels: FloatArray) -> FloatArray:
    """Rounds float32[height, width, channels, 1] so that a channel's sum changes by half at most.

    The weights that were rounded furthest are rounded the other way.
    """
    flat = kernels.reshape(-1, kernels.shape[2])
    rounded = np.round(flat)
    errors = rounded - flat
    for channel, excess in enumerate(np.round(errors.sum(axis=0)).astype(int)):
        order = np.argsort(-np.sign(excess) * errors[:, channel])
        rounded[order[: abs(excess)], channel] -= np.sign(excess)
    return np.asarray(np.clip(rounded, -LEVELS, LEVELS).reshape(kernels.shape), np.float32)


def _gain(layer: keras.layers.Layer, following: keras.layers.Layer) -> FloatArray:
    """Returns the factor of each channel in the normalization that follows a layer."""
    if isinstance(following, keras.layers.BatchNormalization) and following.input is layer.output:
        gamma, _, _, variance = following.get_weights()
        return np.asarray(gamma / np.sqrt(variance + following.epsilon), np.float32)
    return np.ones(layer.output.shape[-1], np.float32)
