"""Works on the objects that a TFLite file is read into."""

from typing import Any


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
