"""The speech network: separable 1D convolutions over frames, pooled over time by attention."""

import keras
from keras import layers

CHANNELS = (96, 128, 192, 224)
STRIDES = (2, 2, 2, 1)
HEADS = 4
"""Number of attention heads, each with its own weights over time."""


def normalized(x: keras.KerasTensor) -> keras.KerasTensor:
    """Normalizes by the batch and limits to 0..6."""
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))


def separable(x: keras.KerasTensor, channels: int, stride: int) -> keras.KerasTensor:
    """Convolves over seven frames, each channel by itself, and then over the channels."""
    convolution = layers.SeparableConv1D(
        channels, 7, strides=stride, padding="same", use_bias=False
    )
    return normalized(convolution(x))


def _pooled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Pools over time: attention, mean and maximum, concatenated."""
    attention = layers.Softmax(axis=1)(layers.Conv1D(HEADS, 1)(x))
    picked = layers.Dot(axes=1)([attention, x])
    picked = layers.Reshape((HEADS * x.shape[-1],))(picked)
    mean, highest = layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)
    return layers.Concatenate()([picked, mean, highest])


def build(shape: tuple[int, int], classes: int) -> keras.Model:
    """Builds an untrained network, float32[batch, *shape] to logits float32[batch, classes]."""
    inputs = keras.Input(shape)
    x = layers.GaussianNoise(0.1)(inputs)
    x = layers.Conv1D(CHANNELS[0], 5, strides=STRIDES[0], padding="same", use_bias=False)(x)
    x = normalized(x)
    for channels, stride in zip(CHANNELS[1:], STRIDES[1:], strict=True):
        x = separable(x, channels, stride)
        x = layers.Add()([x, separable(x, channels, 1)])
        x = layers.SpatialDropout1D(0.05)(x)
    x = layers.Dropout(0.2)(_pooled(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="speech")
