"""The face network: MobileNetV2 (Sandler et al. 2018), shortened for one core of a Pi.

Inverted residuals with ReLU6; no squeeze-and-excite and no hard-swish, which lose accuracy in
plain int8. Layers have torchvision's parameter names, so that its ImageNet weights fit, with an
underscore for each dot: Keras' PyTorch backend does not allow dots.
"""

from typing import Literal, NamedTuple

import keras
from keras import layers

Size = Literal["small", "large"]


class Stage(NamedTuple):
    """A sequence of equal blocks; the first one applies the stride."""

    channels: int
    expansion: int
    stride: int
    blocks: int


STAGES = (
    Stage(16, 1, 1, 1),
    Stage(24, 6, 2, 2),
    Stage(32, 6, 2, 3),
    Stage(64, 6, 2, 4),
    Stage(96, 6, 1, 3),
    Stage(160, 6, 2, 3),
    Stage(320, 6, 1, 1),
)
STAGES_OF_SMALL = 5
"""The later stages hold three quarters of the weights, and add little on a small face."""
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
# Epsilon of batch normalization, as in torchvision, whose weights need the same.
EPSILON = 1e-5
# Pictures up to this side, in pixels, are not halved by the stem: small faces keep all detail.
LARGEST_FULL_SIDE = 64


def _divisible(channels: float) -> int:
    """Rounds to a multiple of eight, for vector units, at most a tenth below `channels`."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _normalized(x: keras.KerasTensor, convolution: layers.Layer, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=0.98, epsilon=EPSILON, name=name)(convolution(x))


def _convolution(
    x: keras.KerasTensor, channels: int, kernel: int, stride: int, names: tuple[str, str]
) -> keras.KerasTensor:
    convolution = layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=names[0],
    )
    return _normalized(x, convolution, names[1])


def _inverted_residual(
    x: keras.KerasTensor, channels: int, expansion: int, stride: int, name: str
) -> keras.KerasTensor:
    y, at = x, 0
    if expansion > 1:
        wide = x.shape[-1] * expansion
        y = layers.ReLU(6.0)(_convolution(y, wide, 1, 1, (f"{name}_0_0", f"{name}_0_1")))
        at = 1
    depthwise = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_{at}_0",
    )
    y = layers.ReLU(6.0)(_normalized(y, depthwise, f"{name}_{at}_1"))
    y = _convolution(y, channels, 1, 1, (f"{name}_{at + 1}", f"{name}_{at + 2}"))
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == channels else y


def build(
    shape: tuple[int, int, int],
    classes: int,
    second_classes: int = 0,
    width: float = 1.0,
    size: Size = "small",
) -> keras.Model:
    """Builds an untrained network, float32[batch, *shape] to logits float32[batch, classes].

    With `second_classes`, a second output gives logits of another labelling. `width` multiplies
    every channel count; `large` is the whole MobileNetV2, `small` its first five stages.
    """
    inputs = keras.Input(shape)
    stride = 1 if shape[0] <= LARGEST_FULL_SIDE else 2
    names = ("features_0_0", "features_0_1")
    x = _convolution(inputs, _divisible(STEM_CHANNELS * width), 3, stride, names)
    x = layers.ReLU(6.0)(x)
    block = 0
    for stage in STAGES if size == "large" else STAGES[:STAGES_OF_SMALL]:
        channels = _divisible(stage.channels * width)
        for index in range(stage.blocks):
            block += 1
            stride = stage.stride if index == 0 else 1
            name = f"features_{block}_conv"
            x = _inverted_residual(x, channels, stage.expansion, stride, name)
    if size == "large":
        names = (f"features_{block + 1}_0", f"features_{block + 1}_1")
        x = layers.ReLU(6.0)(_convolution(x, _divisible(LAST_CHANNELS * width), 1, 1, names))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    outputs = [layers.Dense(classes, name="logits")(x)]
    if second_classes:
        outputs.append(layers.Dense(second_classes, name="second")(x))
    return keras.Model(inputs, outputs if second_classes else outputs[0], name="face")
