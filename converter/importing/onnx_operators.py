"""Operators of ONNX that onnx2keras does not know, as layers of Keras: those of MobileNetV3."""

from collections.abc import Callable, MutableMapping
from typing import Any

import keras

Convert = Callable[[Any, Any, Any, Any, Any, Any], None]
"""Node, attributes, layers by the name of what they give, functions of Lambda layers, name of
what the node gives, name of the Keras layer: what onnx2keras hands to every converter."""
SLOPE, OFFSET = 0.2, 0.5
"""HardSigmoid's defaults, ONNX operator set 6."""


def add_operators(converters: MutableMapping[str, Convert]) -> None:
    """Adds to the converters of onnx2keras, by operator, those that it lacks."""
    converters.setdefault("HardSwish", _hard_swish)
    converters.setdefault("HardSigmoid", _hard_sigmoid)


def _hard_swish(node: Any, _: Any, layers: Any, __: Any, gives: Any, name: Any) -> None:
    layers[gives] = keras.layers.Activation("hard_swish", name=name)(layers[node.input[0]])


def _hard_sigmoid(node: Any, attributes: Any, layers: Any, _: Any, gives: Any, name: Any) -> None:
    """Cuts before it scales: with a slope of 1/6 that is a ReLU6, which LiteRT has fused."""
    slope, offset = attributes.get("alpha", SLOPE), attributes.get("beta", OFFSET)
    moved = keras.layers.Rescaling(1.0, round(offset / slope, 5), name=f"{name}_moved")
    cut = keras.layers.ReLU(round(1 / slope, 5), name=f"{name}_cut")
    scaled = keras.layers.Rescaling(slope, name=name)
    layers[gives] = scaled(cut(moved(layers[node.input[0]])))
