"""Runs one TFLite model in LiteRT: float32 in, float32 out, quantized at the graph's edges."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.emotions import FloatArray
from edge.errors import ModelError
from edge.perception.sparse import Sparse

try:
    from ai_edge_litert.interpreter import Interpreter as LiteRt
except ImportError:  # older boards: the same class under its former name
    from tflite_runtime.interpreter import Interpreter as LiteRt


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model, as the model file itself describes it."""

    index: int
    shape: tuple[int, ...]
    dtype: type[np.generic]
    scale: float
    """Real value of one quantization step; 0 if the tensor is not quantized."""
    zero_point: int

    @classmethod
    def from_details(cls, details: dict[str, Any]) -> "Tensor":
        """Reads LiteRT's description of a tensor."""
        scale, zero_point = details["quantization"]
        shape = tuple(int(size) for size in details["shape"])
        return cls(details["index"], shape, details["dtype"], float(scale), int(zero_point))

    def quantize(self, values: FloatArray) -> npt.NDArray[Any]:
        """Converts real values to stored ones, saturating at the ends of the tensor's range."""
        if not self.scale:
            return values.astype(self.dtype)
        info = np.iinfo(self.dtype)  # type: ignore[type-var]  # quantized tensors are integers
        steps = values / self.scale
        np.rint(steps, out=steps)
        steps += self.zero_point
        return steps.clip(info.min, info.max, out=steps).astype(self.dtype)

    def dequantize(self, stored: npt.NDArray[Any]) -> FloatArray:
        """Converts stored values to real ones."""
        if not self.scale:
            return stored.astype(np.float32)
        steps = stored.astype(np.float32) - np.float32(self.zero_point)
        return np.asarray(steps * np.float32(self.scale))


class Interpreter:
    """Runs a model on one sample at a time.

    Not thread-safe: each worker owns one. `name` identifies the model in error messages. Raises
    ModelError when LiteRT refuses the file.
    """

    def __init__(self, model: bytes, name: str, threads: int = 1) -> None:
        self.name = name
        try:
            self._litert = LiteRt(model_content=model, num_threads=threads)
            self._litert.allocate_tensors()
            inputs, outputs = self._litert.get_input_details(), self._output_details()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{name}: LiteRT cannot load this file ({error})") from error
        if len(inputs) != 1:
            raise ModelError(f"{name}: expected one input tensor, the model has {len(inputs)}")
        self.input = Tensor.from_details(inputs[0])
        self.outputs = tuple(map(Tensor.from_details, outputs))

    @cached_property
    def _zeros(self) -> npt.NDArray[Any]:
        """The stored form of an input whose features are all zero."""
        return self.input.quantize(np.zeros(self.input.shape, np.float32))

    def _set_sparse(self, features: Sparse) -> None:
        """Quantizes only the stored features, not the tens of thousands of zeros around them."""
        stored = self._zeros.reshape(-1)
        stored[features.indices] = self.input.quantize(features.values)
        self._litert.set_tensor(self.input.index, self._zeros)
        stored[features.indices] = self.input.zero_point

    def _output_details(self) -> list[dict[str, Any]]:
        """Sorts the outputs by their names in the signature: a converter may reorder them."""
        signatures = self._litert.get_signature_list()
        if not signatures:
            return list(self._litert.get_output_details())
        named = self._litert.get_signature_runner(next(iter(signatures))).get_output_details()
        return [named[name] for name in sorted(named)]

    def run(self, features: FloatArray | Sparse) -> tuple[FloatArray, ...]:
        """Returns all outputs, float32 without batch axis, for one sample shaped like the input."""
        if isinstance(features, Sparse):
            self._set_sparse(features)
        else:
            batch = self.input.quantize(features.reshape(self.input.shape))
            self._litert.set_tensor(self.input.index, batch)
        self._litert.invoke()
        return tuple(
            output.dequantize(self._litert.get_tensor(output.index)[0]) for output in self.outputs
        )
