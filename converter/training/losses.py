"""The loss of a training, and the accuracy that it prints.

Answers are distributions, float32[batch, labels], or float32[batch, 2, labels]: distributions and
the label priors of the data sets they are from. With priors, the network trains for labels that
are equally frequent (Menon et al. 2021): its logits count together with the log prior, so that
they say nothing about how frequent a label was in one data set, and a label with a prior of 0,
which the annotators could not choose, takes no part.
"""

import keras
from keras import ops

# So low that a softmax gives it no probability, in float16 as well.
MASKED_LOGIT = -1e4


def loss(
    answers: keras.KerasTensor, logits: keras.KerasTensor, smoothing: float = 0.0
) -> keras.KerasTensor:
    """Returns the cross-entropy of each sample, with its label priors if it has any.

    `smoothing` is the share of a target that is spread over the labels that could be chosen.
    """
    targets, priors = _split(answers, logits)
    offered = ops.ones_like(targets)
    if priors is not None:
        offered = ops.cast(priors > 0, logits.dtype)
        logits = with_priors(logits, priors)
    spread = offered / ops.sum(offered, axis=-1, keepdims=True)
    total = ops.sum(targets, axis=-1, keepdims=True)
    return cross_entropy((1 - smoothing) * targets + smoothing * total * spread, logits)


def with_priors(logits: keras.KerasTensor, priors: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the logits for labels that are as frequent as `priors` say, both [batch, labels]."""
    log_priors = ops.log(ops.where(priors > 0, priors, 1.0))
    return ops.where(priors > 0, logits + log_priors, MASKED_LOGIT)


def accuracy(answers: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Returns 1 where the highest logit is that of the likeliest label that could be chosen."""
    targets, priors = _split(answers, logits)
    if priors is not None:
        logits = ops.where(priors > 0, logits, ops.min(logits))
    right = ops.equal(ops.argmax(targets, axis=-1), ops.argmax(logits, axis=-1))
    return ops.cast(right, logits.dtype)


def cross_entropy(targets: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the cross-entropy over the last axis; a row of zeros has no loss and no gradient.

    TensorFlow's own is the same for rows that add up to 1, but its gradient assumes that every row
    does, and lowers all logits of a row of zeros.
    """
    return -ops.sum(targets * ops.log_softmax(logits), axis=-1)


def _split(
    answers: keras.KerasTensor, logits: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor | None]:
    """Returns the distributions and the label priors, if there are any."""
    if len(answers.shape) == len(logits.shape):
        return answers, None
    return answers[:, 0], answers[:, 1]
