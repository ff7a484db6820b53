"""Check samples: inputs stored in a pack, with the answers of its model.

A library or file that is damaged, or built for another machine, may still run, but its answers
differ from those recorded when the pack was made.
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

Answer = dict[str, float]
"""Calibrated probability of each of a classifier's own labels; or the score of a detector's face
and its box as shares of the picture."""


class CheckSample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input that any machine can generate, and the answer to it."""

    seed: Annotated[int, Meta(ge=0, lt=1 << 32)] = 0
    """Seed of the drawn face or the hummed voice."""
    text: str = ""
    """Input of a text model."""
    answer: Answer
    tolerance: Annotated[float, Meta(gt=0)] = 0.1
    """Allowed deviation of each number: kernels of one library already differ by up to 0.06."""

    def deviation(self, answer: Answer) -> float:
        """Returns the largest difference to another answer; infinite if a number in it is NaN."""
        deviations = [
            abs(expected - answer.get(name, 0.0)) for name, expected in self.answer.items()
        ]
        return max((math.inf if math.isnan(one) else one for one in deviations), default=0.0)
