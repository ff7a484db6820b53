"""Initial weights and origin from a pack's int8 file, for networks of dense layers.

Used only to repeat the training of the shipped text model; goes when that model is replaced.
"""

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.datasets.splits import Origin
from converter.networks.flatbuffer import parse
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.interpreter import Interpreter

NONE = -1
"""Index of an omitted input of a TFLite operator."""


def is_pack(file: Path) -> bool:
    """Returns True if a file of weights is that of a pack, by its name."""
    return file.suffix == ".tflite"


def weights_of_pack(model: keras.Model, file: Path) -> dict[str, list[FloatArray]]:
    """Returns the weights of a pack's .tflite file, as float32, by the names of `model`'s layers.

    There, batch normalisation is folded into the dense layer before it: here that layer keeps it,
    and the normalisation adds the bias only, until `restore_statistics`. Raises EmotiondError if
    `model` has other kinds of layers, or the file does not have its dense layers.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    folded = {
        layer.name: norm
        for layer, norm in pairwise(model.layers)
        if layer in dense
        and isinstance(norm, keras.layers.BatchNormalization)
        and norm.input is layer.output
    }
    stored = _read_dense(file)
    others = sum(bool(layer.weights) for layer in model.layers) - len(dense) - len(folded)
    shapes = [kernel.shape for kernel, _ in stored]
    if others or [layer.kernel.shape for layer in dense] != shapes:
        raise EmotiondError(
            f"{file}: only a network of dense layers can start from a pack, and only from one with "
            "the same layers; start from a run's .keras file"
        )
    found = {}
    for layer, (kernel, bias) in zip(dense, stored, strict=True):
        zero = np.zeros_like(bias)
        if norm := folded.get(layer.name):
            found[norm.name] = [zero + 1, bias, zero, zero + 1 - norm.epsilon]
        found[layer.name] = [kernel, zero if norm else bias] if layer.use_bias else [kernel]
    return found


def origin_of_pack(file: Path) -> Origin:
    """Reads the origin of a pack's .tflite file from the manifest beside it.

    Raises EmotiondError if there is none, or that of another model.
    """
    manifest = file.with_suffix(".json")
    try:
        found = msgspec.json.decode(manifest.read_bytes(), type=dict[str, Any])
        origin = msgspec.convert(found, Origin)
    except (OSError, ValueError) as error:
        raise EmotiondError(
            f"{manifest}: cannot be read ({error}), so the training data of {file.name} are "
            "unknown; put the manifest of the pack there"
        ) from error
    if found.get("sha256") != hashlib.sha256(file.read_bytes()).hexdigest():
        raise EmotiondError(
            f"{manifest}: not the manifest of {file.name}, whose sha256 is different; "
            "put the one of the same release there"
        )
    return origin


def _read_dense(file: Path) -> list[tuple[FloatArray, FloatArray]]:
    """Reads kernel, float32[inputs, outputs], and bias of each fully connected operator."""
    try:
        model = file.read_bytes()
    except OSError as error:
        raise EmotiondError(f"{file}: cannot be read ({error})") from error
    Interpreter(model, str(file))  # refuses anything but a model
    parsed, names = parse(model)
    graph = parsed.subgraphs[0]

    def values(index: int, stored_as: int, kind: type[np.integer[Any]]) -> FloatArray:
        tensor = graph.tensors[index]
        stored = parsed.buffers[tensor.buffer].data
        if index == NONE or tensor.type != stored_as or stored is None:
            raise EmotiondError(
                f"{file}: this model does not compute in int8 with biases; "
                "start from a pack, or from a run's .keras file"
            )
        as_float = np.asarray(stored, np.uint8).view(kind).reshape(tensor.shape).astype(np.float32)
        scales = np.asarray(tensor.quantization.scale, np.float32)
        return np.asarray(as_float * scales.reshape(-1, *[1] * (as_float.ndim - 1)))

    dense = []
    for name, operator in zip(names, graph.operators, strict=True):
        if name == "FULLY_CONNECTED":
            _, kernel, bias = (*operator.inputs, NONE)[:3]
            kernel = values(kernel, schema.TensorType.INT8, np.int8).T
            dense.append((kernel, values(bias, schema.TensorType.INT32, np.int32)))
    return dense
