"""Features of which nearly all are zero, as those of a text are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sparse:
    """`values`, float32[n], at n different `indices` of a vector that is zero elsewhere."""

    indices: Indices
    values: FloatArray

    def dense(self, size: int) -> FloatArray:
        """The whole vector, float32[size]."""
        whole = np.zeros(size, np.float32)
        whole[self.indices] = self.values
        return whole
