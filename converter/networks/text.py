"""The text network: a bag of hashed n-grams through one hidden layer."""

import keras
from keras import layers


def build(buckets: int, classes: int, hidden: int = 30) -> keras.Model:
    """An untrained network, float32[batch, buckets] to logits float32[batch, classes]."""
    inputs = keras.Input((buckets,))
    x = layers.Dense(hidden, use_bias=False)(inputs)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.98)(x))
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="text")
