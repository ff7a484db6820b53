"""A sentence encoder of BERT's architecture (Devlin et al. 2019): the teacher, and its student.

Reads a folder as Hugging Face publishes them: config.json, model.safetensors, tokenizer.json.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import keras
import msgspec
import numpy as np
from keras import layers, ops
from msgspec import Meta
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from edge.emotions import FloatArray
from edge.errors import EmotiondError

CONFIG, WEIGHTS, TOKENIZER = FILES = "config.json", "model.safetensors", "tokenizer.json"
MAX_TOKENS = 64
PADDING = ("[PAD]", "<pad>")
PositiveInt = Annotated[int, Meta(gt=0)]


class Architecture(msgspec.Struct, frozen=True):
    """The keys of a BERT's config.json that `build` uses."""

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    layer_norm_eps: float
    max_position_embeddings: PositiveInt
    num_attention_heads: PositiveInt
    num_hidden_layers: PositiveInt
    vocab_size: PositiveInt
    embedding_size: PositiveInt | None = None
    """Size of a piece's embedding, if it is widened to `hidden_size`; a key of our own."""


def read_architecture(folder: Path) -> Architecture:
    """Reads the architecture of the encoder in `folder`; raises EmotiondError."""
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise EmotiondError(
            f"{folder}: {', '.join(missing)} not found; expected a sentence encoder as Hugging "
            f"Face publishes them: {', '.join(FILES)}"
        )
    return read_config(folder)


def read_config(folder: Path) -> Architecture:
    """Reads the config.json of an encoder or of a run that fine-tuned it; raises EmotiondError."""
    try:
        return msgspec.json.decode((folder / CONFIG).read_bytes(), type=Architecture)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EmotiondError(f"{folder / CONFIG}: not a supported BERT ({error})") from error


def read_tokenizer(folder: Path) -> Tokenizer:
    """Reads an encoder's tokenizer, set to MAX_TOKENS and no padding; raises EmotiondError."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the library raises nothing narrower
        raise EmotiondError(f"{folder / TOKENIZER}: not a tokenizer ({error})") from error
    if not _padding_ids(tokenizer):
        raise EmotiondError(
            f"{folder / TOKENIZER}: no token {' or '.join(PADDING)}; padding needs one of them"
        )
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def padding_id(tokenizer: Tokenizer) -> int:
    """Returns the padding token of a tokenizer that `read_tokenizer` returned."""
    return _padding_ids(tokenizer)[0]


def _padding_ids(tokenizer: Tokenizer) -> list[int]:
    ids = [tokenizer.token_to_id(name) for name in PADDING]
    return [one for one in ids if one is not None]


def build(
    architecture: Architecture, outputs: int, padding: int, dropout: float = 0.1
) -> keras.Model:
    """Builds an untrained encoder: int32[batch, tokens] to logits float32[batch, outputs].

    `padding` is the token to ignore. The head takes the mean of the last hidden states.
    """
    a = architecture
    ids = keras.Input((None,), dtype="int32", name="ids")
    is_token = ops.not_equal(ids, padding)
    mask = ops.cast(is_token, "float32")
    positions = ops.maximum(ops.cast(ops.cumsum(mask, axis=1), "int32") - 1, 0)
    word = layers.Embedding(a.vocab_size, a.embedding_size or a.hidden_size, name="words")(ids)
    if a.embedding_size:
        word = layers.Dense(a.hidden_size, name="widened")(word)
    place = layers.Embedding(a.max_position_embeddings, a.hidden_size, name="positions")(positions)
    kind = layers.Embedding(1, a.hidden_size, name="types")(ops.zeros_like(ids))
    x = layers.LayerNormalization(epsilon=a.layer_norm_eps, name="embedded")(word + place + kind)
    x = layers.Dropout(dropout)(x)
    attended = ops.expand_dims(is_token, 1)
    for number in range(a.num_hidden_layers):
        x = _block(x, attended, a, dropout, f"layer_{number}")
    weights = ops.expand_dims(mask, -1)
    mean = ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
    logits = layers.Dense(outputs, name="logits")(layers.Dropout(dropout)(mean))
    return keras.Model(ids, logits, name="encoder")


def _block(
    x: keras.KerasTensor, attended: keras.KerasTensor, a: Architecture, dropout: float, name: str
) -> keras.KerasTensor:
    """One layer of the transformer, normalized after each of its two parts."""
    attention = layers.MultiHeadAttention(
        a.num_attention_heads, a.hidden_size // a.num_attention_heads, name=f"{name}_attention"
    )
    output = layers.Dropout(dropout)(attention(x, x, attention_mask=attended))
    norm = layers.LayerNormalization(epsilon=a.layer_norm_eps, name=f"{name}_attention_norm")
    x = norm(x + output)
    wide = layers.Dense(a.intermediate_size, activation="gelu", name=f"{name}_wide")(x)
    narrow = layers.Dropout(dropout)(layers.Dense(a.hidden_size, name=f"{name}_narrow")(wide))
    return layers.LayerNormalization(epsilon=a.layer_norm_eps, name=f"{name}_norm")(x + narrow)


def load_weights(model: keras.Model, architecture: Architecture, folder: Path) -> None:
    """Sets all weights of `build` except those of its head; raises EmotiondError."""
    file = folder / WEIGHTS
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        raise EmotiondError(f"{file}: not weights ({error})") from error
    prefix = "bert." if any(name.startswith("bert.") for name in found) else ""
    for name, published in _published_names(architecture.num_hidden_layers):
        layer = model.get_layer(name)
        try:
            arrays = [np.asarray(found[prefix + one], np.float32) for one in published]
            layer.set_weights(list(_fit(arrays, published, layer.get_weights())))
        except (KeyError, ValueError) as error:
            raise EmotiondError(f"{file}: no weights of {name} that fit ({error})") from error


def _published_names(blocks: int) -> Iterable[tuple[str, list[str]]]:
    """Yields each layer of `build`, and the names of its weights in a published file."""

    def both(name: str) -> list[str]:
        return [f"{name}.weight", f"{name}.bias"]

    yield "words", ["embeddings.word_embeddings.weight"]
    yield "positions", ["embeddings.position_embeddings.weight"]
    yield "types", ["embeddings.token_type_embeddings.weight"]
    yield "embedded", both("embeddings.LayerNorm")
    for number in range(blocks):
        ours, theirs = f"layer_{number}", f"encoder.layer.{number}"
        parts = ("self.query", "self.key", "self.value", "output.dense")
        attention = [name for part in parts for name in both(f"{theirs}.attention.{part}")]
        yield f"{ours}_attention", attention
        yield f"{ours}_attention_norm", both(f"{theirs}.attention.output.LayerNorm")
        yield f"{ours}_wide", both(f"{theirs}.intermediate.dense")
        yield f"{ours}_narrow", both(f"{theirs}.output.dense")
        yield f"{ours}_norm", both(f"{theirs}.output.LayerNorm")


def _fit(
    arrays: list[FloatArray], published: list[str], wanted: list[FloatArray]
) -> Iterable[FloatArray]:
    """Reshapes PyTorch's arrays for Keras: transposes matrices, gives heads an axis."""
    for array, name, want in zip(arrays, published, wanted, strict=True):
        is_matrix = array.ndim == 2 and "_embeddings" not in name
        turned = array.T if is_matrix else array
        yield turned[: len(want)] if "token_type" in name else turned.reshape(want.shape)
