"""A recurrent network for speech: 1D convolutions over frames, then gated recurrent units.

The recurrence is unrolled over its few steps, so that it becomes plain operators, which int8 knows.
"""

import keras
from keras import layers

from converter.networks.speech import normalized, separable

CHANNELS = (64, 96, 128)
"""Of the convolutions, each of which halves the number of frames."""
UNITS = 96


def build(shape: tuple[int, int], classes: int) -> keras.Model:
    """Builds an untrained network, float32[batch, *shape] to logits float32[batch, classes]."""
    inputs = keras.Input(shape)
    x = layers.GaussianNoise(0.1)(inputs)
    x = layers.Conv1D(CHANNELS[0], 5, strides=2, padding="same", use_bias=False)(x)
    x = normalized(x)
    for channels in CHANNELS[1:]:
        x = separable(x, channels, 2)
    x = layers.GRU(UNITS, return_sequences=True, unroll=True)(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="speech")
