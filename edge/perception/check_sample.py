"""Check samples: inputs that come with a pack, and what its model answers to them.

A library or a file that is damaged, or built for another machine, may still run: it then gives
other answers than where the pack was made.
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

Answer = dict[str, float]
"""Of a classifier the calibrated probability of each of its own labels; of a detector the score
of the face and its box as shares of the picture."""


class CheckSample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input that any machine can make, and the answer to it."""

    seed: Annotated[int, Meta(ge=0, lt=1 << 32)] = 0
    """Of the face that is drawn, or of the voice that is hummed."""
    text: str = ""
    """What a text model reads."""
    answer: Answer
    tolerance: Annotated[float, Meta(gt=0)] = 0.1
    """How far each number may be off: kernels of one library already differ by up to 0.06."""

    def deviation(self, answer: Answer) -> float:
        """The most by which a number of another answer differs; infinite where one is none."""
        deviations = [
            abs(expected - answer.get(name, 0.0)) for name, expected in self.answer.items()
        ]
        return max((math.inf if math.isnan(one) else one for one in deviations), default=0.0)
