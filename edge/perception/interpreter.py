"""Runs one TFLite model in LiteRT: float32 in, float32 out, quantized at the graph's edges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.config import Delegate
from edge.emotions import FloatArray
from edge.errors import ModelError
from edge.perception.sparse import Sparse
from edge.stderr import silenced_stderr

try:
    import ai_edge_litert as litert
    from ai_edge_litert.interpreter import Interpreter as LiteRt
    from ai_edge_litert.interpreter import load_delegate
except ImportError:  # older boards: the same class under its former name
    import tflite_runtime as litert
    from tflite_runtime.interpreter import Interpreter as LiteRt
    from tflite_runtime.interpreter import load_delegate

RUNTIME = f"{litert.__name__} {getattr(litert, '__version__', 'unknown')}"
"""Name and version of the package that runs models."""

Values = npt.NDArray[Any] | Sparse
Features = Values | Mapping[str, Values]
"""The features of one sample: an array or a sparse vector, or one for each input by its name."""


SOFTMAX_QUANTIZATION = (1 / 256, -128)
"""https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec"""


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model, as the model file itself describes it."""

    index: int
    shape: tuple[int, ...]
    dtype: type[np.generic]
    scale: float
    """Real value of one quantization step; 0 if the tensor is not quantized."""
    zero_point: int

    @property
    def is_of_softmax(self) -> bool:
        """True for what a softmax or sigmoid answers in int8: TFLite lays down its quantization."""
        return (self.scale, self.zero_point) == SOFTMAX_QUANTIZATION

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


def _loaded(delegate: Delegate) -> Any:
    """Loads a delegate, for one interpreter; raises ModelError."""
    try:
        return load_delegate(delegate.path, delegate.options)
    except (AttributeError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the delegate {delegate.path} cannot be used ({reason})") from error


class Interpreter:
    """Runs a model on one sample at a time.

    Not thread-safe: each worker owns one. `name` identifies the model in error messages. Raises
    ModelError when LiteRT refuses the file, or the delegate.
    """

    def __init__(
        self, model: bytes, name: str, threads: int = 1, delegate: Delegate | None = None
    ) -> None:
        self.name = name
        try:
            with silenced_stderr():
                delegates = [_loaded(delegate)] if delegate is not None else None
                self._litert = LiteRt(
                    model_content=model, num_threads=threads, experimental_delegates=delegates
                )
                self._litert.allocate_tensors()
            inputs, outputs = self._details()
        except (ValueError, RuntimeError) as error:
            reason = str(error) or "it gives no reason"
            if delegate is not None:
                raise ModelError(
                    f"the delegate {delegate.path} refuses this model ({reason})"
                ) from error
            raise ModelError(f"{name}: LiteRT cannot load this file ({reason})") from error
        self.inputs = {name: Tensor.from_details(details) for name, details in inputs.items()}
        self.outputs = tuple(map(Tensor.from_details, outputs))
        self._zeros: dict[str, npt.NDArray[Any]] = {}

    @property
    def input(self) -> Tensor:
        """The input of a model that has one; raises ModelError if it has several."""
        if len(self.inputs) != 1:
            raise ModelError(
                f"{self.name}: expected one input tensor, the model has {len(self.inputs)}"
            )
        return next(iter(self.inputs.values()))

    @property
    def blank(self) -> Features:
        """Features that are all zero."""
        shapes = ((name, tensor.shape) for name, tensor in self.inputs.items())
        return {name: np.zeros(shape, np.float32) for name, shape in shapes}

    def _set_sparse(self, name: str, features: Sparse) -> None:
        """Quantizes only the stored features, not the tens of thousands of zeros around them."""
        tensor = self.inputs[name]
        if name not in self._zeros:
            self._zeros[name] = tensor.quantize(np.zeros(tensor.shape, np.float32))
        stored = self._zeros[name].reshape(-1)
        stored[features.indices] = tensor.quantize(features.values)
        self._litert.set_tensor(tensor.index, self._zeros[name])
        stored[features.indices] = tensor.zero_point

    def _details(self) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        """Returns the inputs by name, and the outputs sorted by name: a converter may reorder them.

        The names are those of the model's signature, if it has one.
        """
        signatures = self._litert.get_signature_list()
        if not signatures:
            inputs = {details["name"]: details for details in self._litert.get_input_details()}
            return inputs, list(self._litert.get_output_details())
        runner = self._litert.get_signature_runner(next(iter(signatures)))
        named = runner.get_output_details()
        return runner.get_input_details(), [named[name] for name in sorted(named)]

    def run(self, features: Features) -> tuple[FloatArray, ...]:
        """Returns all outputs, float32 without batch axis, for one sample shaped like the input.

        A model with several inputs takes their features by name.
        """
        if not isinstance(features, Mapping):
            features = {next(iter(self.inputs)): features}
        for name, values in features.items():
            if isinstance(values, Sparse):
                self._set_sparse(name, values)
            else:
                tensor = self.inputs[name]
                batch = tensor.quantize(values.reshape(tensor.shape))
                self._litert.set_tensor(tensor.index, batch)
        self._litert.invoke()
        return tuple(
            output.dequantize(self._litert.get_tensor(output.index)[0]) for output in self.outputs
        )
