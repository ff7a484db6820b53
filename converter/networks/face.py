"""The face network: inverted residuals with ReLU6, small enough for one core of a Pi.

MobileNetV2 blocks (Sandler et al. 2018). No squeeze-and-excite and no hard-swish: both lose
accuracy in plain int8.
"""

from typing import NamedTuple

import keras
from keras import layers


class Stage(NamedTuple):
    """A run of equal blocks; the first one applies the stride."""

    channels: int
    expansion: int
    stride: int
    blocks: int


STAGES = (Stage(24, 2, 1, 2), Stage(40, 4, 2, 3), Stage(72, 4, 2, 3), Stage(112, 4, 2, 1))


def _convolution(x: keras.KerasTensor, layer: layers.Layer, activate: bool) -> keras.KerasTensor:
    x = layers.BatchNormalization(momentum=0.98)(layer(x))
    return layers.ReLU(6.0)(x) if activate else x


def _inverted_residual(
    x: keras.KerasTensor, channels: int, expansion: int, stride: int
) -> keras.KerasTensor:
    he = "he_normal"
    expand = layers.Conv2D(x.shape[-1] * expansion, 1, use_bias=False, kernel_initializer=he)
    y = _convolution(x, expand, activate=True)
    depthwise = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=he
    )
    y = _convolution(y, depthwise, activate=True)
    project = layers.Conv2D(channels, 1, use_bias=False, kernel_initializer=he)
    y = _convolution(y, project, activate=False)
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == channels else y


def build(shape: tuple[int, int, int], classes: int, width: float = 1.0) -> keras.Model:
    """An untrained network, float32[batch, *shape] to logits float32[batch, classes].

    `width` multiplies every channel count.
    """
    inputs = keras.Input(shape)
    stem = layers.Conv2D(
        round(24 * width),
        3,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )
    x = _convolution(inputs, stem, activate=True)
    for stage in STAGES:
        for block in range(stage.blocks):
            stride = stage.stride if block == 0 else 1
            x = _inverted_residual(x, round(stage.channels * width), stage.expansion, stride)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="face")
