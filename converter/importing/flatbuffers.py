"""Works on the objects that a TFLite file is read into."""

from typing import Any

import numpy as np
import numpy.typing as npt


def compact(model: Any) -> None:
    """Removes codes, tensors and buffers that no operator uses; TFLite's tools trip over them."""
    operators = [one for graph in model.subgraphs for one in graph.operators]
    codes = sorted({one.opcodeIndex for one in operators})
    model.operatorCodes = [model.operatorCodes[index] for index in codes]
    for one in operators:
        one.opcodeIndex = codes.index(one.opcodeIndex)
    for graph in model.subgraphs:
        _compact_tensors(graph)
    model.metadata, model.metadataBuffer = [], []
    tensors = [one for graph in model.subgraphs for one in graph.tensors]
    buffers = sorted({0, *(one.buffer for one in tensors)})
    model.buffers = [model.buffers[index] for index in buffers]
    places = {old: new for new, old in enumerate(buffers)}
    for tensor in tensors:
        tensor.buffer = places[tensor.buffer]


def _compact_tensors(graph: Any) -> None:
    lists = [(one, name) for one in graph.operators for name in ("inputs", "outputs")]
    lists += [(graph, "inputs"), (graph, "outputs")]
    used = sorted({int(i) for owner, name in lists for i in getattr(owner, name) if i >= 0})
    graph.tensors = [graph.tensors[index] for index in used]
    places = {-1: -1} | {old: new for new, old in enumerate(used)}
    for owner, name in lists:
        setattr(owner, name, [places[int(i)] for i in getattr(owner, name)])


def real(values: npt.NDArray[Any], quantization: Any) -> npt.NDArray[np.float32]:
    """Returns the real values of a constant, float32, by its steps a channel or a tensor."""
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return values.astype(np.float32)
    along = np.ones(max(values.ndim, 1), int)
    along[quantization.quantizedDimension if values.ndim else 0] = -1
    scale = np.array(quantization.scale, np.float32).reshape(along)
    zero = np.array(quantization.zeroPoint, np.float32).reshape(along)
    return np.asarray((values.astype(np.float32) - zero) * scale, np.float32)
