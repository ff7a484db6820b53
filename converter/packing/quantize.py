"""Turns a trained Keras network into a TFLite file that computes in int8 throughout."""

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter as LiteRt
from tensorflow.lite.tools import flatbuffer_utils

from edge.emotions import FloatArray
from edge.errors import EmotiondError

INTEGER_TYPES = (np.int8, np.int32)
RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)


@contextmanager
def _converter(model: keras.Model) -> Iterator[tf.lite.TFLiteConverter]:
    """Yields TensorFlow's converter for single samples.

    Weights are constants of a traced function: by way of a SavedModel on disk, a conversion takes
    four times as long. A recurrent network goes that way, as the other leaves tensors in floating
    point now and then.
    """
    sample = {
        one.name: tf.TensorSpec((1, *one.shape[1:]), one.dtype, name=one.name)
        for one in model.inputs
    }
    if any(isinstance(layer, RECURRENT) for layer in model.layers):
        inputs = [keras.Input(batch_shape=one.shape, dtype=one.dtype) for one in sample.values()]
        single = keras.Model(inputs, model(inputs[0], training=False))
        with tempfile.TemporaryDirectory() as folder:
            single.export(folder, verbose=False)
            yield tf.lite.TFLiteConverter.from_saved_model(folder)
        return

    def answer(**inputs: tf.Tensor) -> tf.Tensor:
        return model(inputs if len(inputs) > 1 else inputs.popitem()[1], training=False)

    traced = tf.function(answer, autograph=False).get_concrete_function(**sample)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], model)
    converter.experimental_lower_to_saved_model = False
    yield converter


def quantize(model: keras.Model, representative: Iterable[FloatArray]) -> bytes:
    """Returns a full-int8 TFLite model, per-channel, with int8 input and output and a batch of 1.

    `representative` are real feature arrays as the device computes them; their ranges set the
    scales. Raises EmotiondError if an operator would still compute in floating point.
    """
    with _converter(model) as converter, warnings.catch_warnings():
        # The statistics that it misses are those of the representative samples.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[None]] for sample in representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        quantized: bytes = converter.convert()
    check_integer(quantized)
    return shorten_names(quantized)


def quantize_weights(model: keras.Model) -> bytes:
    """Returns a TFLite model with int8 weights whose activations stay in float32.

    Its matrix products are computed in int8 all the same: LiteRT quantizes each row of their input
    when it runs.
    """
    with _converter(model) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return shorten_names(converter.convert())


def shorten_names(model: bytes) -> bytes:
    """Replaces the tensors' names, which may take 5 % of a file, by numbers.

    Inputs keep theirs: a device finds several inputs by their names.
    """
    parsed = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    for subgraph in parsed.subgraphs:
        for index, tensor in enumerate(subgraph.tensors):
            if index not in subgraph.inputs:
                tensor.name = str(index).encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(parsed))


def convert_float32(model: keras.Model) -> bytes:
    """Returns the model as a float32 TFLite file, to compare the int8 one with."""
    with _converter(model) as converter:
        converted: bytes = converter.convert()
    return converted


def check_integer(model: bytes) -> None:
    """Raises EmotiondError unless every tensor of the model, constants included, is an integer."""
    interpreter = LiteRt(model_content=model)
    floats = [
        details["name"]
        for details in interpreter.get_tensor_details()
        if details["dtype"] not in INTEGER_TYPES
    ]
    if floats:
        raise EmotiondError(
            f"{len(floats)} tensors did not quantize to int8, the first is {floats[0]!r}: "
            "replace its layer by one that TFLite has an int8 kernel for"
        )


def write_model(model: bytes, path: Path) -> None:
    """Writes the model, replacing `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tflite.part")
    draft.write_bytes(model)
    draft.replace(path)
