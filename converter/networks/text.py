"""The text networks: hashed n-grams through one hidden layer, and a transformer beside it.

A text has some hundred of 65,536 n-grams; with sparse input, TensorFlow trains several times as
fast.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge.perception.sparse import Sparse
from edge.perception.text_features import IDS, NGRAMS

SPARSE = keras.backend.backend() == "tensorflow"
# Of a label that neither network gives any probability.
LEAST_PROBABILITY = 1e-6


def build(buckets: int, classes: int, hidden: int = 24) -> keras.Model:
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


def mixture(ngrams: keras.Model, encoder: keras.Model, length: int) -> keras.Model:
    """Joins both networks: the n-grams decide how much of the answer is the encoder's.

    `ngrams` has one output more than `encoder`, the last: the logit of a text that the encoder
    reads. The probability of a label is that of the n-grams, plus the encoder's times that of its
    texts (a mixture of experts, Jacobs et al. 1991). The inputs are IDS, int32[batch, length], and
    NGRAMS, float32[batch, buckets]; the output is the logarithm of the probabilities.
    """
    ids = keras.Input((length,), dtype="int32", name=IDS)
    buckets = keras.Input(ngrams.input_shape[1:], name=NGRAMS)
    of_ngrams, of_encoder = ops.softmax(ngrams(buckets)), ops.softmax(encoder(ids))
    probabilities = of_ngrams[:, :-1] + of_ngrams[:, -1:] * of_encoder
    logits = ops.log(probabilities + LEAST_PROBABILITY)
    named = layers.Activation("linear", name="logits")(logits)
    return keras.Model({IDS: ids, NGRAMS: buckets}, named, name="text")
