"""Loads initial weights: from an earlier run, torchvision's MobileNetV2, or a pack."""

from pathlib import Path

import keras
import numpy as np

from converter.networks.packs import is_pack, weights_of_pack
from edge.emotions import FloatArray
from edge.errors import EmotiondError

MODEL = "model.keras"
"""In a run: the trained network."""
TORCH_SUFFIXES = frozenset({".pth", ".pt"})


def load_initial_weights(model: keras.Model, file: Path) -> int:
    """Sets every layer of `model` for which `file` has weights of the same name and shape.

    `file` is a .keras file, a state dict of PyTorch (.pth) whose parameters are named like the
    layers, or a pack's .tflite, see `weights_of_pack`. Returns the number of layers set; raises
    EmotiondError if it is 0.
    """
    if not file.is_file():
        raise EmotiondError(f"{file}: initial weights not found")
    if file.suffix in TORCH_SUFFIXES:
        found = _read_torch(model, file)
    elif is_pack(file):
        found = weights_of_pack(model, file)
    else:
        found = {layer.name: layer.get_weights() for layer in _read_keras(file).layers}
    fitting = 0
    for layer in model.layers:
        weights = found.get(layer.name, [])
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if shapes and [one.shape for one in weights] == shapes:
            layer.set_weights(weights)
            fitting += 1
    if not fitting:
        raise EmotiondError(f"{file}: no weights with the name and shape of a layer")
    return fitting


def _read_keras(file: Path) -> keras.Model:
    try:
        return keras.models.load_model(file, compile=False)
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{file}: not a Keras model ({error})") from error


def _read_torch(model: keras.Model, file: Path) -> dict[str, list[FloatArray]]:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise EmotiondError(f"{file}: reading it needs PyTorch: pip install torch") from error
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the pickle in the file leads to
        raise EmotiondError(f"{file}: not a state dict of PyTorch ({error})") from error
    if not isinstance(state, dict) or not all(hasattr(one, "numpy") for one in state.values()):
        raise EmotiondError(f"{file}: expected a state dict, names with tensors, and nothing else")
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    found = {}
    for layer in model.layers:
        name = layer.name.replace("_", ".")  # see converter/networks/face.py
        if (kernel := arrays.get(f"{name}.weight")) is None:
            continue
        if isinstance(layer, keras.layers.BatchNormalization):
            rest = (f"{name}.{part}" for part in ("bias", "running_mean", "running_var"))
            found[layer.name] = [kernel, *(arrays[one] for one in rest if one in arrays)]
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            found[layer.name] = [kernel.transpose(2, 3, 0, 1)]
        elif isinstance(layer, keras.layers.Conv2D):
            found[layer.name] = [_fit_channels(kernel.transpose(2, 3, 1, 0), layer)]
    return found


def _fit_channels(kernel: FloatArray, layer: keras.layers.Conv2D) -> FloatArray:
    """Sums a colour kernel over its channels for grey pictures, whose channels are equal."""
    grey = layer.weights[0].shape[2] == 1 and kernel.shape[2] == 3
    return np.sum(kernel, axis=2, keepdims=True) if grey else kernel
