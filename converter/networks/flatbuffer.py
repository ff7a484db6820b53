"""Parses TFLite files without running them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()
}


def parse(model: bytes) -> tuple[Any, list[str]]:
    """Returns the model as `schema.ModelT`, and the name of each operator of its first graph."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in parsed.operatorCodes]
    operators = parsed.subgraphs[0].operators
    return parsed, [OPERATORS[codes[operator.opcodeIndex]] for operator in operators]


def real(values: npt.NDArray[Any], quantization: Any) -> npt.NDArray[np.float32]:
    """Returns the real values of a constant, float32, by its steps a channel or a tensor."""
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return values.astype(np.float32)
    along = np.ones(max(values.ndim, 1), int)
    along[quantization.quantizedDimension if values.ndim else 0] = -1
    scale = np.array(quantization.scale, np.float32).reshape(along)
    zero = np.array(quantization.zeroPoint, np.float32).reshape(along)
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)
