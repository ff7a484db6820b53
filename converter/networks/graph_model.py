"""Initial weights from a MobileNet that is published as a graph model of TensorFlow.js.

Such a file, NAME.json with its .bin files, has batch normalization folded away: into the kernel of
a convolution, or as a factor and a summand after a depthwise one.
"""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.emotions import FloatArray
from edge.errors import EmotiondError

SUFFIX = ".json"
GREY_DEVIATION = 55.0
"""A typical deviation of a face's grey values, which features are divided by."""


def weights_of_graph(model: keras.Model, file: Path) -> dict[str, list[FloatArray]]:
    """Returns weights by the names of `model`'s layers; raises EmotiondError.

    A colour kernel of the first layer is summed over its channels, which are equal in a grey
    picture.
    """
    arrays = _read(file)
    found = {}
    for layer in model.layers:
        own = {name: one for name, one in arrays.items() if name.startswith(f"{layer.name}/")}
        if isinstance(layer, keras.layers.BatchNormalization):
            if not own:
                continue
            parts = {name.rsplit("/", 1)[1]: one for name, one in own.items()}
            if "sub" not in parts:
                raise EmotiondError(
                    f"{file}: the batch normalization of {layer.name} is not folded away; save the "
                    "model for inference, as tensorflowjs_converter does"
                )
            beta = parts["sub"]
            gamma, zero = parts.get("mul", np.ones_like(beta)), np.zeros_like(beta)
            found[layer.name] = [gamma, beta, zero, zero + 1 - layer.epsilon]
        elif isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            kernels = [one for one in own.values() if one.ndim == 4]
            found[layer.name] = [_fit_channels(one, layer) for one in kernels]
    return found


def _fit_channels(kernel: FloatArray, layer: keras.layers.Layer) -> FloatArray:
    grey = layer.weights[0].shape[2] == 1 and kernel.shape[2] == 3
    return np.sum(kernel, axis=2, keepdims=True) * GREY_DEVIATION if grey else kernel


def _read(file: Path) -> dict[str, FloatArray]:
    """Reads every weight as float32, by its name."""
    found = {}
    try:
        for group in json.loads(file.read_bytes())["weightsManifest"]:
            data = b"".join((file.parent / path).read_bytes() for path in group["paths"])
            start = 0
            for weight in group["weights"]:
                kind, count = _stored_as(weight), math.prod(weight["shape"])
                values = np.frombuffer(data, kind, count, start)
                found[weight["name"]] = values.astype(np.float32).reshape(weight["shape"])
                start += values.nbytes
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmotiondError(f"{file}: not a graph model of TensorFlow.js ({error})") from error
    return found


def _stored_as(weight: dict[str, Any]) -> str:
    kind = str(weight.get("quantization", weight)["dtype"])
    if kind not in ("float16", "float32", "int32"):
        raise ValueError(f"{weight['name']} is stored as {kind}")
    return kind
