"""Measures an imported pack beside the model that it was made from, on the same samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.importing.samples import UNKNOWN, Inputs
from converter.measuring.cost import latencies_ms
from converter.measuring.evaluate import pool_windows
from edge.emotions import FloatArray
from edge.perception.interpreter import Interpreter

Answer = Callable[[FloatArray], FloatArray]
"""From features as a device computes them to logits, float32[labels]."""
Windows = Sequence[Sequence[FloatArray]]
"""The features of each sample's windows."""
ENOUGH_AGREEMENT = 0.98
"""Share of equal answers below which a user is warned."""


@dataclass(frozen=True)
class Row:
    """The figures of one form of the model."""

    form: str
    agreement: float
    """Share of samples with the same most likely label as the original."""
    accuracy: float | None
    """None without labelled samples."""
    size_bytes: int
    latency_ms: float | None
    """None where it is not run by LiteRT."""


def run(answer: Answer, windows: Windows) -> FloatArray:
    """Returns the mean logits over the windows of each sample, float32[samples, labels]."""
    return pool_windows([np.stack([answer(one) for one in sample]) for sample in windows])


def lite(model: bytes, name: str) -> Answer:
    """Returns a TFLite model as a function."""
    interpreter = Interpreter(model, name)
    return lambda features: interpreter.run(features)[0]


def accuracy(logits: FloatArray, inputs: Inputs) -> float | None:
    """Returns the share of right answers among labelled samples, or None."""
    known: npt.NDArray[np.bool_] = inputs.truth != UNKNOWN
    if not known.any():
        return None
    return float((logits.argmax(axis=1) == inputs.truth)[known].mean())


def compare(
    forms: Sequence[tuple[str, bytes, FloatArray]],
    original: tuple[str, int, FloatArray],
    inputs: Inputs,
) -> list[Row]:
    """Returns the figures of the original, and of each TFLite form with its logits."""
    kind, size, wanted = original
    latencies = latencies_ms([model for _, model, _ in forms])
    rows = [Row(kind, 1.0, accuracy(wanted, inputs), size, None)]
    for (form, model, logits), latency in zip(forms, latencies, strict=True):
        same = float((logits.argmax(axis=1) == wanted.argmax(axis=1)).mean())
        rows.append(Row(form, same, accuracy(logits, inputs), len(model), latency))
    return rows
