"""Cuts a fine-tuned encoder down to one that fits a device: the student starts from its weights."""

from collections.abc import Sequence

import keras
import msgspec
import numpy as np
import numpy.typing as npt

from converter.networks import encoder
from converter.networks.encoder import Architecture
from edge.emotions import FloatArray


def pruned(
    teacher: keras.Model,
    architecture: Architecture,
    blocks: Sequence[int],
    pieces: Sequence[int],
    counts: Sequence[int],
    outputs: int,
    dropout: float,
) -> keras.Model:
    """Builds an encoder of `architecture` with the weights of some of the teacher's parts.

    It keeps the transformer layers `blocks`, the word pieces with the ids `pieces`, whose first one
    is the padding, and in each layer the hidden units with the largest weights. `counts` of the
    pieces weigh how well their narrower embeddings fit those of the teacher. The head is new.
    """
    student = encoder.build(architecture, outputs, padding=0, dropout=dropout)
    words = _array(teacher, "words")[np.array(pieces)]
    embeddings, basis, mean = _factorized(words, np.array(counts), _embedding_size(architecture))
    student.get_layer("words").set_weights([embeddings])
    student.get_layer("widened").set_weights([basis, mean])
    length = architecture.max_position_embeddings
    student.get_layer("positions").set_weights([_array(teacher, "positions")[:length]])
    for name in ("types", "embedded"):
        student.get_layer(name).set_weights(teacher.get_layer(name).get_weights())
    for place, block in enumerate(blocks):
        _copy_block(teacher, f"layer_{block}", student, f"layer_{place}")
    return student


def _embedding_size(architecture: Architecture) -> int:
    assert architecture.embedding_size is not None
    return architecture.embedding_size


def _array(model: keras.Model, layer: str) -> FloatArray:
    return np.asarray(model.get_layer(layer).get_weights()[0], np.float32)


def _factorized(
    words: FloatArray, counts: npt.NDArray[np.int_], size: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns embeddings, their basis and their mean: the product plus the mean is near `words`.

    The principal components of the words, each counted by the square root of its frequency.
    """
    weights = np.sqrt(counts + 1.0)[:, None]
    mean = (words * weights).sum(axis=0) / weights.sum()
    centred = words - mean
    _, components = np.linalg.eigh(centred.T @ (weights * centred))  # by ascending variance
    basis = components[:, ::-1].T[:size]
    arrays = centred @ basis.T, basis, mean
    return tuple(np.asarray(one, np.float32) for one in arrays)  # type: ignore[return-value]


def _copy_block(teacher: keras.Model, source: str, student: keras.Model, target: str) -> None:
    for part in ("attention", "attention_norm", "norm"):
        weights = teacher.get_layer(f"{source}_{part}").get_weights()
        student.get_layer(f"{target}_{part}").set_weights(weights)
    wide, wide_bias = teacher.get_layer(f"{source}_wide").get_weights()
    narrow, narrow_bias = teacher.get_layer(f"{source}_narrow").get_weights()
    kept = student.get_layer(f"{target}_wide").get_weights()[0].shape[1]
    sizes = np.linalg.norm(wide, axis=0) * np.linalg.norm(narrow, axis=1)
    units = np.sort(np.argsort(-sizes)[:kept])
    student.get_layer(f"{target}_wide").set_weights([wide[:, units], wide_bias[units]])
    student.get_layer(f"{target}_narrow").set_weights([narrow[units], narrow_bias])


def smaller(
    architecture: Architecture, pieces: int, blocks: int, units: int, embedding: int, length: int
) -> Architecture:
    """Returns the architecture of a student with fewer and smaller parts."""
    return msgspec.structs.replace(
        architecture,
        vocab_size=pieces,
        num_hidden_layers=blocks,
        intermediate_size=units,
        embedding_size=embedding,
        max_position_embeddings=length,
    )
