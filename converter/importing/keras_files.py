"""Reads models of Keras (.keras, .h5), and those of ONNX by way of Keras."""

import io
import logging
import zipfile
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from converter.importing.lite import of_function
from converter.importing.onnx_operators import add_operators
from converter.importing.original import Answers, ModelImportError, Original, as_rows, fixed_shape
from converter.importing.original import one_input as only
from edge.emotions import FloatArray

HDF5 = b"\x89HDF\r\n\x1a\n"
PIXEL_RANGE = (0.0, 255.0)
"""The range of pixels that a network takes which scales them itself."""
Size = tuple[int, int] | None


def read_keras(path: Path, size: Size) -> Original:
    """Reads a Keras file, without running code in it; raises ModelImportError."""
    with path.open("rb") as file:
        start = file.read(len(HDF5))
    if start != HDF5 and not zipfile.is_zipfile(path):
        pickled = start[:1] == b"\x80"
        raise ModelImportError(
            f"{path}: not a Keras file"
            + (", but a pickle, which could run any code" if pickled else "")
            + "; save the model with `model.save('NAME.keras')`"
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelImportError(
            f"{path}: Keras {keras.__version__} cannot load it ({_first_line(error)}); load it "
            "where it was made, and save it there by `model.export('FOLDER')`, without own layers"
        ) from error
    return original_of(path, "Keras", model, size)


def original_of(path: Path, kind: str, model: keras.Model, size: Size) -> Original:
    """Returns a Keras model as an `Original`; raises ModelImportError."""
    if not getattr(model, "inputs", None):
        raise ModelImportError(
            f"{path}: this model was never built: call it once, and save it again"
        )
    taken = {one.name: one for one in model.inputs}
    name = only(path, list(taken))
    if "float" not in keras.backend.standardize_dtype(taken[name].dtype):
        raise ModelImportError(
            f"{path}: its input {name} takes {taken[name].dtype}, expected float32 features; a "
            "device makes no word numbers for it"
        )
    shape = fixed_shape(path, name, taken[name].shape, size)
    made = of_function(path, kind, lambda one: model(one, training=False), shape, model)
    return replace(made, pixel_range=PIXEL_RANGE if _scales_pixels(model) else None)


def _scales_pixels(model: keras.Model) -> bool:
    """Returns True if a network starts with a layer that makes small values of grey levels."""
    for layer in model.layers[:3]:
        if isinstance(layer, keras.layers.Rescaling):
            return float(np.max(np.abs(layer.scale))) < 0.1
        if isinstance(layer, keras.layers.Normalization):
            return float(np.max(np.abs(np.asarray(layer.mean)))) > 2
    return False


def read_onnx(path: Path, size: Size) -> Original:
    """Reads an ONNX file by onnx2keras; raises ModelImportError. It answers in ONNX Runtime."""
    try:
        import onnx
        import onnxruntime
        from onnx2keras import onnx_to_keras
        from onnx2keras.layers import AVAILABLE_CONVERTERS
    except ModuleNotFoundError as error:
        raise ModelImportError(
            f"{path}: ONNX files need {error.name}; install `emotiond[onnx]`"
        ) from error
    add_operators(AVAILABLE_CONVERTERS)
    logging.getLogger("onnx2keras").setLevel(logging.ERROR)  # it warns of what it does right
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise ModelImportError(f"{path}: not a valid ONNX file ({_first_line(error)})") from error
    refused = [one for one in model.graph.node if one.op_type not in AVAILABLE_CONVERTERS]
    if refused:
        listed = ", ".join(dict.fromkeys(f"{one.op_type} ({one.name})" for one in refused[:5]))
        raise ModelImportError(
            f"{path}: onnx2keras knows no {listed}; convert it with "
            "onnx2tf, and import the SavedModel or .tflite that it writes"
        )
    constants = {one.name for one in model.graph.initializer}
    taken = {one.name: one for one in model.graph.input if one.name not in constants}
    name = only(path, list(taken))
    dimensions = taken[name].type.tensor_type.shape.dim
    found = [one.dim_value or None for one in dimensions]
    shape = fixed_shape(path, name, found, size)
    reorders = len(shape) == 4
    try:
        with redirect_stdout(io.StringIO()):
            network = onnx_to_keras(
                model, [name], [shape[1:]], name_policy="renumerate", change_ordering=reorders,
                verbose=False,
            )  # fmt: skip
    except Exception as error:
        raise ModelImportError(
            f"{path}: onnx2keras cannot convert it ({type(error).__name__}: "
            f"{_first_line(error)}); convert it with onnx2tf, and import the SavedModel or "
            ".tflite that it writes"
        ) from error
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def answer(values: FloatArray) -> Answers:
        batch: Any = values.transpose(0, 3, 1, 2) if reorders else values
        return as_rows(session.run(None, {name: np.ascontiguousarray(batch)}))

    return replace(original_of(path, "ONNX", network, size), answer=answer)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
