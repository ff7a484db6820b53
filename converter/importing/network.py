"""Fits an original's network to a device: the features that it takes, and logits at its end."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from converter.importing.graph import Graph
from converter.importing.layout import Layout
from converter.importing.original import ModelImportError, Original
from edge.emotions import FloatArray
from edge.perception.classifier import LEAST_PROBABILITY, logs

Output = Literal["logits", "probabilities"]
ENDS = ("SOFTMAX", "LOGISTIC", "LOG_SOFTMAX")
"""Operators that make probabilities of logits; they are taken off."""
SUM_TOLERANCE = 0.02
"""Probabilities in int8 may add up to a little more or less than 1."""


@dataclass(frozen=True)
class Network:
    """A TFLite model that takes a device's features and answers a row, one value a label."""

    original: Original
    layout: Layout
    labels: int
    """The number of values of the output that is taken, which no other one has."""
    end: str
    """The operator of ENDS that was taken off, or nothing."""
    model: bytes

    def original_answer(self, features: FloatArray) -> FloatArray:
        """Runs the author's file on a device's features; returns the values of its labels."""
        answers = self.original.answer(self.layout.arrange(features))
        return next(one for one in answers if len(one) == self.labels)  # in the author's order

    def original_logits(self, features: FloatArray, output: Output) -> FloatArray:
        """Runs the author's file; returns logits, if need be those of its probabilities."""
        values = self.original_answer(features)
        if self.end == "LOGISTIC":
            inside = np.clip(values, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
            return np.asarray(np.log(inside / (1 - inside)), np.float32)
        if self.end == "SOFTMAX" or output == "probabilities":
            return logs(values)
        return values


def fit(original: Original, layout: Layout, labels: int) -> Network:
    """Returns the network for a device; raises ModelImportError if no output has all `labels`."""
    graph = Graph(original.model)
    counts = [abs(prod(graph.shape(one))) for one in graph.outputs]
    if labels not in counts:
        listed = " and ".join(map(str, counts))
        raise ModelImportError(
            f"{original.path}: it answers {listed} values, --labels names {labels}; name every "
            "output of the model, in its order"
        )
    if counts.count(labels) > 1:
        raise ModelImportError(
            f"{original.path}: {counts.count(labels)} of its outputs have {labels} values; export "
            "it with the one that has the emotions"
        )
    graph.keep_output(counts.index(labels))
    end = graph.strip_end(ENDS)
    layout.build_into(graph)
    if graph.shape(graph.outputs[0]) != (1, labels):
        graph.reshape_output((1, labels))
    return Network(original, layout, labels, end, graph.to_bytes())


def kind_of_output(network: Network, answers: FloatArray) -> Output:
    """Tells logits from probabilities, by float32[samples, labels] that the network answered.

    A network may make probabilities in other ways than by a softmax at its end.
    """
    if network.end:
        return "logits"
    inside = answers.min() >= -SUM_TOLERANCE and answers.max() <= 1 + SUM_TOLERANCE
    whole = np.abs(answers.sum(axis=1) - 1).max() <= SUM_TOLERANCE
    return "probabilities" if inside and whole else "logits"
