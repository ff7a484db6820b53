"""Cost of a TFLite file: bytes, operators, multiply-accumulates, time."""

import time
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from converter.networks.flatbuffer import parse
from edge.perception.interpreter import Features, Interpreter

WARM_UP = 20
ROUNDS = 300


class Cost(msgspec.Struct, frozen=True):
    """Cost of one run of a model on one sample."""

    size_bytes: int
    operators: dict[str, int]
    """Number of each kind, in descending order."""
    macs: int
    """Multiply-accumulate operations of convolutions and fully connected layers."""
    parameters: int
    """Number of values in the constants."""


def cost(model: bytes) -> Cost:
    """Reads the cost from the file, without running it."""
    parsed, names = parse(model)
    graph = parsed.subgraphs[0]
    shapes = [tuple(tensor.shape) if tensor.shape is not None else () for tensor in graph.tensors]
    macs = sum(
        _macs(name, [shapes[i] for i in operator.inputs if i >= 0], shapes[operator.outputs[0]])
        for name, operator in zip(names, graph.operators, strict=True)
    )
    parameters = sum(
        int(np.prod(shape))
        for tensor, shape in zip(graph.tensors, shapes, strict=True)
        if parsed.buffers[tensor.buffer].data is not None
    )
    return Cost(len(model), dict(Counter(names).most_common()), macs, parameters)


def _macs(name: str, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> int:
    if name == "CONV_2D":
        return int(np.prod(output) * np.prod(inputs[1][1:]))
    if name == "DEPTHWISE_CONV_2D":
        return int(np.prod(output) * np.prod(inputs[1][1:3]))
    if name == "FULLY_CONNECTED":
        return int(np.prod(output) * inputs[1][-1])
    return 0


def _noise(interpreter: Interpreter) -> Features:
    """Returns random features for each input of a model; zeros where it takes whole numbers."""
    rng = np.random.default_rng(0)
    return {
        name: np.zeros(tensor.shape, np.int32)
        if tensor.dtype is np.int32
        else rng.normal(0, 1, tensor.shape).astype(np.float32)
        for name, tensor in interpreter.inputs.items()
    }


def latencies_ms(models: Sequence[bytes]) -> list[float]:
    """Measures the median milliseconds of a run of each model on one thread, run in turn."""
    interpreters = [Interpreter(model, "model") for model in models]
    samples = [_noise(one) for one in interpreters]
    durations_s: list[list[float]] = [[] for _ in models]
    for turn in range(WARM_UP + ROUNDS):
        for interpreter, sample, spent_s in zip(interpreters, samples, durations_s, strict=True):
            started_s = time.perf_counter()
            interpreter.run(sample)
            if turn >= WARM_UP:
                spent_s.append(time.perf_counter() - started_s)
    return [1000 * float(np.median(spent_s)) for spent_s in durations_s]
