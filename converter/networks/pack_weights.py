"""Initial weights from a pack: the int8 weights of its model as real numbers.

A pack has batch normalization folded into its convolutions: their biases become the summands of
normalizations whose statistics change nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import keras
import numpy as np

from converter.networks.flatbuffer import parse, real
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.manifest import TextInput
from edge.perception.pack import Pack

SUFFIX = ".tflite"
CONVOLUTION, DEPTHWISE, DENSE = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
TYPES: Mapping[type[keras.layers.Layer], tuple[str, ...]] = {
    keras.layers.Conv1D: (CONVOLUTION,),
    keras.layers.Conv2D: (CONVOLUTION,),
    keras.layers.DepthwiseConv2D: (DEPTHWISE,),
    keras.layers.SeparableConv1D: (DEPTHWISE, CONVOLUTION),
    keras.layers.Dense: (DENSE,),
}
"""The operators that a layer becomes, in their order."""

Kernel = tuple[FloatArray, FloatArray]
"""The kernel of an operator as TFLite has it, and its bias."""


def weights_of_pack(
    model: keras.Model, pack: Pack, labels: Sequence[str]
) -> dict[str, list[FloatArray]]:
    """Returns weights by the names of `model`'s layers; raises EmotiondError.

    `labels` are those of `model`: an output whose label the pack has starts from that label's
    weights; the others start from zero.
    """
    if isinstance(pack.manifest.input, TextInput):
        raise EmotiondError(
            f"{pack.path}: training cannot start from a text pack, which is two networks in one; "
            "start from scratch, or distil a --teacher"
        )
    layers = [one for one in model.layers if type(one) in TYPES]
    names = [name for one in layers for name in TYPES[type(one)]]
    kernels = list(_kernels(pack.model))
    if [name for name, _ in kernels] != names:
        raise EmotiondError(
            f"{pack.path}: it is another network ({len(kernels)} layers with weights, this one has "
            f"{len(names)}); give the options that it was trained with, such as --network or --size"
        )
    rest = iter(kernel for _, kernel in kernels)
    found: dict[str, list[FloatArray]] = {}
    for layer in layers:
        parts = [next(rest) for _ in TYPES[type(layer)]]
        if layer is layers[-1]:
            parts = [_by_label(parts[0], pack.manifest.labels, labels)]
        found |= _of_layer(model, layer, parts)
        shapes = [tuple(one.shape) for one in layer.weights]
        if [one.shape for one in found[layer.name]] != shapes:
            raise EmotiondError(
                f"{pack.path}: its layer {layer.name} has weights of shape "
                f"{found[layer.name][0].shape}, that of this network {shapes[0]}; give the options "
                "that it was trained with, such as --width"
            )
    return found


def _kernels(model: bytes) -> Iterator[tuple[str, Kernel]]:
    """Yields each operator with weights: its name, its kernel and its bias."""
    parsed, operators = parse(model)
    graph = parsed.subgraphs[0]

    def constant(index: int, dtype: type[np.generic]) -> FloatArray:
        tensor = graph.tensors[index]
        values = np.frombuffer(bytes(bytearray(parsed.buffers[tensor.buffer].data)), dtype)
        return real(values.reshape(tensor.shape), tensor.quantization)

    for name, operator in zip(operators, graph.operators, strict=True):
        if name in (CONVOLUTION, DEPTHWISE, DENSE):
            _, kernel, bias = operator.inputs
            yield name, (constant(kernel, np.int8), constant(bias, np.int32))


def _by_label(kernel: Kernel, known: Sequence[str], labels: Sequence[str]) -> Kernel:
    """Returns the rows of a last layer in the order of `labels`, zeros for those not known."""
    taken = tuple(np.zeros((len(labels), *one.shape[1:]), np.float32) for one in kernel)
    for row, label in enumerate(labels):
        if label in known:
            for new, old in zip(taken, kernel, strict=True):
                new[row] = old[known.index(label)]
    return taken[0], taken[1]


def _of_layer(
    model: keras.Model, layer: keras.layers.Layer, parts: Sequence[Kernel]
) -> dict[str, list[FloatArray]]:
    """Returns the weights of a layer, and of the normalization that follows it if there is one."""
    kernels = [
        np.asarray(_as_keras(layer, kernel, place), np.float32)
        for place, (kernel, _) in enumerate(parts)
    ]
    bias = parts[-1][1]
    if layer.use_bias:
        return {layer.name: [*kernels, bias]}
    normalization = next(two for one, two in pairwise(model.layers) if one is layer)
    still = [np.ones_like(bias), bias, np.zeros_like(bias), np.ones_like(bias)]
    still[3] -= normalization.epsilon
    return {layer.name: kernels, normalization.name: still}


def _as_keras(layer: keras.layers.Layer, kernel: FloatArray, place: int) -> FloatArray:
    """Moves the axes of a TFLite kernel to where Keras has them."""
    if isinstance(layer, keras.layers.Dense):
        return np.asarray(kernel.T)
    turned = kernel.transpose(1, 2, 3, 0)  # height, width, channels, filters
    one_dimensional = isinstance(layer, keras.layers.Conv1D | keras.layers.SeparableConv1D)
    return np.asarray(turned[0] if one_dimensional else turned)
