"""Weights to begin from of a pack's int8 model: for networks of dense layers."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.flatbuffer import parse
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.interpreter import Interpreter

PACK_SUFFIX = ".tflite"
# Of training data, for the statistics of batch normalisation.
BATCHES = 100


def weights_of_pack(model: keras.Model, file: Path) -> dict[str, list[FloatArray]]:
    """For the layers of `model`, by name, the weights of a pack's .tflite file, as float32.

    There, batch normalisation is folded into the layer before it: here that layer keeps it, and
    the normalisation adds the bias only, until `restore_statistics`. Raises EmotiondError where
    the file does not have these dense layers.
    """
    layers = [layer for layer in model.layers if layer.weights]
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
    stored = _read_dense(file)
    if [layer.kernel.shape for layer in dense] != [kernel.shape for kernel, _ in stored]:
        raise EmotiondError(
            f"{file}: this model does not have the dense layers of the network; "
            "begin from a run's .keras file"
        )
    after = dict(pairwise(layers))
    found = {}
    for layer, (kernel, bias) in zip(dense, stored, strict=True):
        found[layer.name] = [kernel, bias] if layer.use_bias else [kernel]
        if isinstance(norm := after.get(layer), keras.layers.BatchNormalization):
            one = np.ones_like(bias)
            found[norm.name] = [one, bias, 0 * one, one - norm.epsilon]
    return found


def restore_statistics(model: keras.Model, batches: Sequence[Any]) -> None:
    """Gives batch normalisation the mean and variance of `batches` and changes no answer."""
    for layer in model.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        before = keras.Model(model.inputs, layer.input)
        count = min(len(batches), BATCHES)
        values = np.concatenate([np.asarray(before(batches[index][0])) for index in range(count)])
        gamma, beta, mean, variance = layer.get_weights()
        factor = gamma / np.sqrt(variance + layer.epsilon)
        offset = beta - factor * mean
        mean, variance = values.mean(axis=0), values.var(axis=0)
        layer.set_weights(
            [factor * np.sqrt(variance + layer.epsilon), offset + factor * mean, mean, variance]
        )


def _read_dense(file: Path) -> list[tuple[FloatArray, FloatArray]]:
    """Kernel, float32[inputs, outputs], and bias of each fully connected operator, in order."""
    model = file.read_bytes()
    Interpreter(model, str(file))  # refuses what is no model
    parsed, names = parse(model)
    (graph,) = parsed.subgraphs

    def values(index: int, stored_as: int, kind: type[np.integer[Any]]) -> FloatArray:
        tensor = graph.tensors[index]
        if index < 0 or tensor.type != stored_as:
            raise EmotiondError(
                f"{file}: this model does not compute in int8 with biases; "
                "begin from a pack, or from a run's .keras file"
            )
        stored = np.asarray(parsed.buffers[tensor.buffer].data, np.uint8).view(kind)
        as_float: FloatArray = stored.reshape(tensor.shape).astype(np.float32)
        scales = np.asarray(tensor.quantization.scale, np.float32)
        return as_float * scales.reshape(-1, *[1] * (as_float.ndim - 1))

    kernel, bias = (schema.TensorType.INT8, np.int8), (schema.TensorType.INT32, np.int32)
    return [
        (values(operator.inputs[1], *kernel).T, values(operator.inputs[2], *bias))
        for name, operator in zip(names, graph.operators, strict=True)
        if name == "FULLY_CONNECTED"
    ]
