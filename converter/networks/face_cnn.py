"""A plain network of convolutions for faces: the baseline that MobileNet is compared with."""

import keras
from keras import layers

from converter.networks.face import Size, divisible

CHANNELS = (32, 64, 128, 256)
"""Of each stage, which halves height and width."""


def build(
    shape: tuple[int, int, int], classes: int, width: float = 1.0, size: Size = "small"
) -> keras.Model:
    """Builds an untrained network, float32[batch, *shape] to logits float32[batch, classes].

    `width` multiplies every channel count; `large` has two convolutions a stage, `small` one.
    """
    inputs = x = keras.Input(shape)
    for channels in CHANNELS:
        for stride in (2, 1) if size == "large" else (2,):
            convolution = layers.Conv2D(
                divisible(channels * width),
                3,
                strides=stride,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )
            x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(convolution(x)))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="face")
