"""Loads initial weights: from an earlier run, a pack, or a published MobileNet."""

from collections.abc import Sequence
from pathlib import Path

import keras

from converter.networks import graph_model, pack_weights
from edge.errors import EmotiondError
from edge.perception.manifest import Manifest
from edge.perception.pack import load_pack

MODEL = "model.keras"
"""In a run: the trained network."""


def load_initial_weights(model: keras.Model, file: Path, labels: Sequence[str] = ()) -> int:
    """Sets every layer of `model` for which `file` has weights of the same name and shape.

    `file` is a .keras file, a graph model of TensorFlow.js (.json), see `weights_of_graph`, or the
    .tflite file of a pack, see `weights_of_pack`; `labels` are those of `model`.
    Returns the number of layers set; raises EmotiondError if it is 0.
    """
    if not file.is_file():
        raise EmotiondError(f"{file}: initial weights not found")
    if file.suffix == graph_model.SUFFIX:
        found = graph_model.weights_of_graph(model, file)
    elif is_of_pack(file):
        pack = load_pack(file.with_suffix(".json"))
        found = pack_weights.weights_of_pack(model, pack, labels)
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


def is_folded(file: Path) -> bool:
    """Returns True if batch normalization is folded away in a file of weights."""
    return file.suffix in (graph_model.SUFFIX, pack_weights.SUFFIX)


def is_of_pack(file: Path) -> bool:
    """Returns True if a file of weights is the model of a pack."""
    return file.suffix == pack_weights.SUFFIX


def manifest_of(file: Path) -> Manifest:
    """Reads the manifest of the pack that a file of weights is from; raises EmotiondError."""
    return load_pack(file.with_suffix(".json")).manifest
