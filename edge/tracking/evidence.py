"""Log probabilities of one distribution over the seven, as plain floats.

They say the same as arrays, but for so few numbers numpy is slower, most of all while the processor
does other things between two observations.
"""

import math
from collections.abc import Sequence

import numpy as np

from edge.emotions import EMOTIONS, MIN_PROBABILITY, FloatArray


def logs_of(probabilities: FloatArray) -> list[float]:
    """Returns the logarithms of a distribution, float32[7]."""
    return [math.log(max(one, MIN_PROBABILITY)) for one in probabilities.tolist()]


def evidence_of(probabilities: FloatArray) -> list[float]:
    """Returns the evidence of a distribution: its logarithms less their mean."""
    logs = logs_of(probabilities)
    mean = sum(logs) / len(EMOTIONS)
    return [one - mean for one in logs]


def distribution(logs: Sequence[float]) -> FloatArray:
    """Returns the distribution, float32[7], with these logarithms but for a constant."""
    highest = max(logs)
    exponentials = [math.exp(one - highest) for one in logs]
    total = sum(exponentials)
    return np.array([one / total for one in exponentials], np.float32)
