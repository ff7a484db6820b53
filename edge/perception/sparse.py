"""Sparse features, nearly all zero, such as those of a text."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sparse:
    """A vector with `values`, float32[n], at n different `indices` and zeros elsewhere."""

    indices: Indices
    values: FloatArray

    def dense(self, size: int) -> FloatArray:
        """Returns the whole vector, float32[size]."""
        whole = np.zeros(size, np.float32)
        whole[self.indices] = self.values
        return whole
