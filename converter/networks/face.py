"""The face network: a MobileNet (Howard et al. 2017), shortened for one core of a Pi.

Depthwise separable convolutions with ReLU6: no shortcuts and no squeeze-and-excite, so that int8
loses nothing and few tensors move through memory. Layers have the names of Keras' MobileNet, so
that published weights fit. BatchNormalization folds into the convolutions on export.
"""

from typing import Literal, NamedTuple

import keras
from keras import layers

Size = Literal["small", "large"]


class Block(NamedTuple):
    """A depthwise convolution with a stride, and a pointwise one to a number of channels."""

    channels: int
    stride: int


STEM_CHANNELS = 32
DEPTHWISE_DEVIATION = (2 / 9) ** 0.5
"""After He et al. (2015), for nine inputs; Keras would count those of all channels."""
BLOCKS = (
    Block(64, 1),
    Block(128, 2),
    Block(128, 1),
    Block(256, 2),
    Block(256, 1),
    Block(512, 2),
    *(Block(512, 1),) * 5,
    Block(1024, 2),
    Block(1024, 1),
)
BLOCKS_OF_SMALL = 8
"""The later blocks hold three quarters of the weights, and add little on a small face."""


def divisible(channels: float) -> int:
    """Rounds to a multiple of eight, for vector units, at most a tenth below `channels`."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _activated(x: keras.KerasTensor, convolution: layers.Layer) -> keras.KerasTensor:
    normalization = layers.BatchNormalization(momentum=0.98, name=f"{convolution.name}_bn")
    return layers.ReLU(6.0)(normalization(convolution(x)))


def _convolution(channels: int, kernel: int, stride: int, name: str) -> layers.Conv2D:
    return layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )


def build(
    shape: tuple[int, int, int], classes: int, width: float = 1.0, size: Size = "small"
) -> keras.Model:
    """Builds an untrained network, float32[batch, *shape] to logits float32[batch, classes].

    `width` multiplies every channel count; `large` is the whole MobileNet, `small` its first
    blocks.
    """
    inputs = keras.Input(shape)
    x = _activated(inputs, _convolution(divisible(STEM_CHANNELS * width), 3, 2, "conv1"))
    for number, block in enumerate(BLOCKS if size == "large" else BLOCKS[:BLOCKS_OF_SMALL], 1):
        depthwise = layers.DepthwiseConv2D(
            3,
            strides=block.stride,
            padding="same",
            use_bias=False,
            depthwise_initializer=keras.initializers.RandomNormal(stddev=DEPTHWISE_DEVIATION),
            name=f"conv_dw_{number}",
        )
        channels = divisible(block.channels * width)
        pointwise = _convolution(channels, 1, 1, f"conv_pw_{number}")
        x = _activated(_activated(x, depthwise), pointwise)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="face")
