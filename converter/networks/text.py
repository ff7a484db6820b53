"""The text network: a bag of hashed n-grams through one hidden layer.

A text has some hundred of 65,536 n-grams; with sparse input, TensorFlow trains several times as
fast.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from edge.perception.sparse import Sparse

SPARSE = keras.backend.backend() == "tensorflow"


def build(buckets: int, classes: int, hidden: int = 30) -> keras.Model:
    """Builds an untrained network, float32[batch, buckets] to logits float32[batch, classes]."""
    inputs = keras.Input((buckets,), sparse=SPARSE)
    x = layers.Dense(hidden, use_bias=False)(inputs)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.98)(x))
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="text")


def join(texts: Sequence[Sparse], buckets: int) -> Any:
    """Joins the features of several texts into one sparse tensor, if SPARSE."""
    import tensorflow as tf

    rows = np.repeat(np.arange(len(texts)), [len(one.indices) for one in texts])
    places = np.concatenate([one.indices for one in texts])
    values = np.concatenate([one.values for one in texts])
    return tf.SparseTensor(np.stack([rows, places], axis=1), values, (len(texts), buckets))
