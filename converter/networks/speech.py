"""The speech network: separable 1D convolutions over MFCC frames, pooled over time."""

import keras
from keras import layers

CHANNELS = (64, 96, 128, 160)


def _separable(x: keras.KerasTensor, channels: int, stride: int) -> keras.KerasTensor:
    y = layers.SeparableConv1D(channels, 7, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(y))


def build(shape: tuple[int, int], classes: int) -> keras.Model:
    """An untrained network, float32[batch, *shape] to logits float32[batch, classes]."""
    inputs = keras.Input(shape)
    x = layers.GaussianNoise(0.2)(inputs)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Conv1D(CHANNELS[0], 5, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.95)(x))
    for channels in CHANNELS[1:]:
        x = _separable(x, channels, stride=2)
        x = layers.Add()([x, _separable(x, channels, stride=1)])
        x = layers.SpatialDropout1D(0.1)(x)
    pooled = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)]
    x = layers.Dropout(0.3)(layers.Concatenate()(pooled))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="speech")
