"""Makes TFLite files of networks, and int8 ones of float32 ones; reads those that are TFLite."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.optimize import calibrator
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from converter.importing.graph import CASTS, Graph
from converter.importing.original import (
    Answers,
    ModelImportError,
    Original,
    as_rows,
    fixed_shape,
    one_input,
    stored_bytes,
)
from converter.packing.rounding import LEVELS, TINY, keep_sums
from edge.emotions import FloatArray
from edge.errors import ModelError
from edge.perception.interpreter import Interpreter

Size = tuple[int, int] | None
MARKS = b"TFL3"
"""Bytes 4 to 8 of a TFLite file."""
SHOWN = 5
"""Operators named in a message."""


def of_function(
    path: Path, kind: str, function: Callable[[Any], Any], shape: tuple[int, ...], owner: Any
) -> Original:
    """Returns a TensorFlow function of one tensor as an `Original`; raises ModelImportError.

    `owner` keeps its weights.
    """
    signature = [tf.TensorSpec(shape, tf.float32)]
    single = tf.function(lambda values: tf.nest.flatten(function(values)), signature)

    def answer(values: FloatArray) -> Answers:
        return as_rows(single(tf.constant(values.reshape(shape))))

    frozen = convert_variables_to_constants_v2(single.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], owner)
    model = _converted(path, converter, frozen.graph.get_operations())
    return Original(path, kind, stored_bytes(path), model, answer)


def _converted(path: Path, converter: Any, operations: Sequence[Any]) -> bytes:
    try:
        model: bytes = converter.convert()
    except Exception as error:
        reason = _refusal(str(error), operations)
        raise ModelImportError(f"{path}: TFLite cannot run it: {reason}") from error
    graph = Graph(model)
    graph.fix_batch()
    return graph.to_bytes()


def _refusal(message: str, operations: Sequence[Any]) -> str:
    """Names the operators that the converter refused, with the first layer that has each."""
    refused = dict.fromkeys(re.findall(r"'tf\.(\w+)' op", message))
    layers = {one.type: one.name for one in reversed(operations)}
    if not refused:
        lines = [line.strip() for line in message.splitlines() if line.strip()]
        return lines[0][:300] if lines else "the converter gives no reason"
    listed = [f"{one} (layer {layers.get(one, '?')})" for one in list(refused)[:SHOWN]]
    return f"no int8 operator for {', '.join(listed)}; replace these layers, and train again"


def read_saved_model(path: Path, size: Size) -> Original:
    """Reads the signature of a SavedModel; raises ModelImportError."""
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        raise ModelImportError(f"{path}: TensorFlow cannot load it ({error})") from error
    signatures = dict(loaded.signatures)
    if not signatures:
        raise ModelImportError(
            f"{path}: this SavedModel has no signature; write it by `model.export('FOLDER')`"
        )
    key = "serving_default" if len(signatures) > 1 else next(iter(signatures))
    if key not in signatures:
        raise ModelImportError(
            f"{path}: none of its signatures {', '.join(signatures)} is called {key}"
        )
    signature = signatures[key]
    taken = signature.structured_input_signature[1]
    name = one_input(path, list(taken))
    if taken[name].dtype != tf.float32:
        raise ModelImportError(
            f"{path}: its input {name} takes {taken[name].dtype.name}, expected float32"
        )
    shape = fixed_shape(path, name, taken[name].shape.as_list(), size)
    return of_function(path, "SavedModel", lambda one: signature(**{name: one}), shape, loaded)


def read_tflite(path: Path, size: Size) -> Original:
    """Reads a TFLite file in float32, with int8 weights, or in int8; raises ModelImportError."""
    model = path.read_bytes()
    if model[4:8] != MARKS:
        raise ModelImportError(f"{path}: not a TFLite file")
    try:
        interpreter = Interpreter(model, str(path))
    except ModelError as error:
        raise ModelImportError(f"{error}; a device could not run it either") from error
    one_input(path, list(interpreter.inputs))
    graph = Graph(model)
    found = [None if one < 0 else one for one in graph.shape(graph.inputs[0])]
    shape = fixed_shape(path, "", found, None)
    graph.fix_batch()
    kinds = {graph.dtype(one) for one in _computed(graph)}
    if np.float32 in kinds and not kinds & {np.int8, np.uint8, np.int16}:
        graph.widen_constants()
    elif np.float32 in kinds or np.uint8 in kinds or np.int16 in kinds:
        raise ModelImportError(
            f"{path}: it computes in {', '.join(sorted(_names(kinds)))}; only int8 throughout and "
            "float32 can be imported: import the model that it was made from"
        )
    else:
        graph.strip_casts()

    def answer(values: FloatArray) -> Answers:
        return as_rows(interpreter.run(values.reshape(shape)))

    return Original(path, "TFLite", len(model), graph.to_bytes(), answer)


def _computed(graph: Graph) -> set[int]:
    """Returns the tensors that are computed between the casts at the ends."""
    cast = [one for name, one in graph.operators if name in CASTS]
    ends = {int(one.inputs[0]) for one in cast} | {int(one.outputs[0]) for one in cast}
    kept = {
        int(tensor)
        for name, one in graph.operators
        if name not in CASTS
        for tensor in (*one.inputs, *one.outputs)
        if tensor >= 0
    }
    constants = {one for one in kept | ends if graph.constant(one) is not None}
    return kept - constants


def _names(kinds: Iterable[type[np.generic] | None]) -> list[str]:
    return [one.__name__ for one in kinds if one is not None]


def is_int8(model: bytes) -> bool:
    """Returns True if a TFLite model takes int8 values."""
    graph = Graph(model)
    return graph.dtype(graph.inputs[0]) is np.int8


def quantize_graph(path: Path, model: bytes, representative: list[FloatArray]) -> bytes:
    """Returns a float32 TFLite model in int8 throughout, by TFLite's own quantizer.

    `representative` has real features. Raises ModelImportError that names what stayed in float32.
    """

    def batches() -> Iterable[list[FloatArray]]:
        return ([one[None]] for one in representative)

    try:
        rounded = round_depthwise(model)
        observed = calibrator.Calibrator(calibrator.add_intermediate_tensors(rounded))
        quantized: bytes = mlir_quantize(observed.calibrate(batches))
    except Exception as error:
        raise ModelImportError(f"{path}: TFLite cannot quantize it ({error})") from error
    graph = Graph(quantized)
    graph.strip_casts()
    refused = [
        f"{name} (layer {_layer(graph, one)})"
        for name, one in graph.operators
        if name not in CASTS
        and any(graph.dtype(int(tensor)) is np.float32 for tensor in one.outputs)
    ]
    if refused:
        more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        raise ModelImportError(
            f"{path}: TFLite has no int8 form of {', '.join(refused[:SHOWN])}{more}; replace these "
            "layers, such as by ReLU and convolutions, and train again"
        )
    return graph.to_bytes()


def round_depthwise(model: bytes) -> bytes:
    """Rounds depthwise kernels, float32[1, height, width, channels], as int8 holds them."""
    graph = Graph(model)
    for name, operator in graph.operators:
        kernel = graph.constant(int(operator.inputs[1])) if name == "DEPTHWISE_CONV_2D" else None
        if kernel is not None:
            step = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)) / LEVELS, TINY)
            rounded = keep_sums((kernel / step)[0, ..., None])[None, ..., 0] * step
            graph.set_constant(int(operator.inputs[1]), rounded.astype(np.float32))
    return graph.to_bytes()


def _layer(graph: Graph, operator: Any) -> str:
    name = graph.tensors[int(operator.outputs[0])].name
    return bytes(name or b"?").decode(errors="replace").split(";")[0]
