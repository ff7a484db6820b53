"""Edits the graph of a TFLite file: its ends, its layout and the type of its constants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from converter.importing.flatbuffers import compact
from converter.networks.flatbuffer import real

TYPES: dict[int, type[np.generic]] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT8: np.int8,
}
"""The types of tensors that models for pictures, sound and text have."""
SHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
"""Operators that change the shape of values alone."""
CASTS = ("QUANTIZE", "DEQUANTIZE")


class Graph:
    """The main graph of a TFLite model, editable."""

    def __init__(self, model: bytes) -> None:
        self._model = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
        self._graph = self._model.subgraphs[0]
        # The names of a signature would have to follow every edit of an end.
        self._model.signatureDefs = []

    def to_bytes(self) -> bytes:
        """Returns the model as a file."""
        compact(self._model)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self._model))

    @property
    def tensors(self) -> Sequence[Any]:
        """The tensors, each `schema.TensorT`."""
        return list(self._graph.tensors)

    @property
    def operators(self) -> list[tuple[str, Any]]:
        """The operators in order, each with its name."""
        return [(self._name(one), one) for one in self._graph.operators]

    @property
    def inputs(self) -> list[int]:
        """Indices of the tensors that the model takes."""
        return [int(one) for one in self._graph.inputs]

    @property
    def outputs(self) -> list[int]:
        """Indices of the tensors that the model answers."""
        return [int(one) for one in self._graph.outputs]

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Returns the shape of a tensor, -1 where it is not fixed."""
        found = self._graph.tensors[tensor]
        signature = found.shapeSignature
        chosen = found.shape if signature is None or not len(signature) else signature
        return tuple(int(size) for size in ([] if chosen is None else chosen))

    def dtype(self, tensor: int) -> type[np.generic] | None:
        """Returns the type of a tensor, or None for texts and other rare ones."""
        return TYPES.get(self._graph.tensors[tensor].type)

    def constant(self, tensor: int) -> npt.NDArray[Any] | None:
        """Returns the values of a constant, or None for a tensor that is computed."""
        found, dtype = self._graph.tensors[tensor], self.dtype(tensor)
        data = self._model.buffers[found.buffer].data
        if data is None or not len(data) or dtype is None:
            return None
        shape = [] if found.shape is None else found.shape
        return np.frombuffer(bytes(bytearray(data)), dtype).reshape(shape)

    def scale(self, tensor: int) -> tuple[float, int] | None:
        """Returns the value of one step of a tensor and its zero point; None if not quantized."""
        quantization = self._graph.tensors[tensor].quantization
        if quantization is None or quantization.scale is None or not len(quantization.scale):
            return None
        return float(quantization.scale[0]), int(quantization.zeroPoint[0])

    def fix_batch(self) -> None:
        """Fixes the batch of every tensor to what the file has beside a variable one: 1."""
        for tensor in self._graph.tensors:
            signature = tensor.shapeSignature
            if signature is not None and all(size >= 0 for size in list(signature)[1:]):
                tensor.shapeSignature = None

    def keep_output(self, index: int) -> None:
        """Makes one of several outputs the only one."""
        self._graph.outputs = [self._graph.outputs[index]]

    def strip_end(self, names: Sequence[str]) -> str:
        """Removes the last operator if it has one of these names; returns that name, or nothing.

        Operators that only change the shape of its values are removed with it.
        """
        tensor = self.outputs[0]
        while (found := self._producer(tensor)) is not None:
            name = self._name(found)
            tensor = int(found.inputs[0])
            if name in names:
                self._graph.outputs = [tensor]
                self._drop_unused()
                return name
            if name not in SHAPING:
                break
        return ""

    def strip_casts(self) -> None:
        """Removes the operators that quantize the input and make the output real."""
        users = self._users(self.inputs[0])
        if len(users) == 1 and self._name(users[0]) in CASTS:
            self._graph.inputs = [users[0].outputs[0]]
        last = self._producer(self.outputs[0])
        if last is not None and self._name(last) in CASTS:
            self._graph.outputs = [last.inputs[0]]
        self._drop_unused()

    def transpose_input(self, shape: Sequence[int], order: Sequence[int]) -> None:
        """Lets the model take values of `shape`, and moves their axes to where it needs them."""
        axes = self._add_constant(np.array(order, np.int32), "axes")
        code = schema.BuiltinOperator.TRANSPOSE
        options = schema.BuiltinOptions.TransposeOptions, schema.TransposeOptionsT()
        self._put_first(shape, code, axes, options)

    def reshape_input(self, shape: Sequence[int]) -> None:
        """Lets the model take values of `shape`, as many as it takes."""
        old = self._add_constant(np.array(self.shape(self.inputs[0]), np.int32), "shape")
        options = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
        self._put_first(shape, schema.BuiltinOperator.RESHAPE, old, options)

    def reshape_output(self, shape: Sequence[int]) -> None:
        """Lets the model answer its values in `shape`."""
        new = self._add_constant(np.array(shape, np.int32), "shape")
        tensor = self._add_like(self.outputs[0], shape)
        options = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
        code = schema.BuiltinOperator.RESHAPE
        made = self._operator(code, [self.outputs[0], new], tensor, options)
        self._graph.operators = [*self._graph.operators, made]
        self._graph.outputs = [tensor]

    def widen_constants(self) -> None:
        """Turns constants of int8 or float16 that stand for real values into float32."""
        for name, operator in self.operators:
            if name == "DEQUANTIZE" and self.constant(int(operator.inputs[0])) is not None:
                self._replace(int(operator.outputs[0]), int(operator.inputs[0]))
        for index, tensor in enumerate(self._graph.tensors):
            values = self.constant(index)
            if values is None or self.dtype(index) not in (np.int8, np.float16):
                continue
            self.set_constant(index, real(values, tensor.quantization))
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
        self._drop_unused()

    def set_constant(self, tensor: int, values: npt.NDArray[Any]) -> None:
        """Gives a constant other values of the same shape."""
        self._graph.tensors[tensor].buffer = self._add_buffer(values)

    def _name(self, operator: Any) -> str:
        code = self._model.operatorCodes[operator.opcodeIndex]
        if code.customCode:
            return str(bytes(code.customCode).decode())
        return str(flatbuffer_utils.opcode_to_name(self._model, operator.opcodeIndex))

    def _producer(self, tensor: int) -> Any | None:
        return next((o for o in self._graph.operators if tensor in list(o.outputs)), None)

    def _users(self, tensor: int) -> list[Any]:
        return [one for one in self._graph.operators if tensor in list(one.inputs)]

    def _replace(self, old: int, new: int) -> None:
        for operator in self._users(old):
            operator.inputs = [new if one == old else one for one in operator.inputs]

    def _drop_unused(self) -> None:
        """Removes the operators on whose values no output depends."""
        needed, kept = set(self.outputs), []
        for operator in reversed(self._graph.operators):
            if needed.difference(self.inputs).intersection(int(one) for one in operator.outputs):
                needed.update(int(one) for one in operator.inputs)
                kept.append(operator)
        self._graph.operators = kept[::-1]

    def _put_first(
        self, shape: Sequence[int], code: int, second: int, options: tuple[int, Any]
    ) -> None:
        """Puts an operator in front that makes the model's input of values of another shape."""
        old = self.inputs[0]
        new = self._add_like(old, shape)
        made = self._operator(code, [new, second], old, options)
        self._graph.operators = [made, *self._graph.operators]
        self._graph.inputs = [new]

    def _add_like(self, tensor: int, shape: Sequence[int]) -> int:
        like, made = self._graph.tensors[tensor], schema.TensorT()
        made.type, made.quantization, made.name = like.type, like.quantization, like.name
        made.shape = list(shape)
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _add_constant(self, values: npt.NDArray[np.int32], name: str) -> int:
        made = schema.TensorT()
        made.type, made.shape, made.name = schema.TensorType.INT32, list(values.shape), name
        made.buffer = self._add_buffer(values)
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _add_buffer(self, values: npt.NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _operator(self, code: int, inputs: list[int], output: int, options: tuple[int, Any]) -> Any:
        made, entry = schema.OperatorT(), schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = 2 if code == schema.BuiltinOperator.TRANSPOSE else 1
        self._model.operatorCodes.append(entry)
        made.opcodeIndex = len(self._model.operatorCodes) - 1
        made.inputs, made.outputs = inputs, [output]
        made.builtinOptionsType, made.builtinOptions = options
        return made
