"""The network of a sentence encoder: it computes what its paper says."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.special import erf, softmax

from converter.networks import encoder
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from tests.converter.encoders import (
    BLOCKS,
    CONFIG,
    HEADS,
    HIDDEN,
    VOCABULARY,
    bert_weights,
)


def _reference(ids: list[int], w: Mapping[str, FloatArray]) -> FloatArray:
    """The mean of the last hidden states, straight from the paper's formulas."""

    def norm(x: FloatArray, name: str) -> FloatArray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * w[f"{name}.weight"] + w[f"{name}.bias"])

    def dense(x: FloatArray, name: str) -> FloatArray:
        return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for n in range(BLOCKS):
        layer = f"encoder.layer.{n}"
        parts = [dense(x, f"{layer}.attention.self.{one}") for one in ("query", "key", "value")]
        heads = [np.split(part, HEADS, axis=1) for part in parts]
        parts = [
            softmax(q @ k.T / np.sqrt(HIDDEN // HEADS), axis=1) @ v
            for q, k, v in zip(*heads, strict=True)
        ]
        joined = dense(np.concatenate(parts, axis=1), f"{layer}.attention.output.dense")
        x = norm(x + joined, f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return np.asarray(x.mean(axis=0))


@pytest.mark.parametrize("padding", [0, VOCABULARY.index("day")])
def test_the_encoder_computes_what_its_paper_says_and_padding_does_not_matter(
    padding: int, bert: Path
) -> None:
    architecture = encoder.read_architecture(bert)
    model = encoder.build(architecture, HIDDEN, padding)
    encoder.load_weights(model, architecture, bert)
    model.get_layer("logits").set_weights([np.eye(HIDDEN), np.zeros(HIDDEN)])
    ids = encoder.read_tokenizer(bert).encode("i am so happy").ids
    assert ids == [1, 8, 9, 4, 5, 2]
    expected = _reference(ids, bert_weights())
    for added in (0, 5):
        found = model.predict(np.array([ids + [padding] * added]), verbose=0)[0]
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_folder_without_an_encoder_is_refused(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match=r"model\.safetensors, tokenizer\.json not found"):
        encoder.read_architecture(tmp_path)
    shutil.copytree(bert, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"model_type": "t5"}))
    with pytest.raises(EmotiondError, match=r"config\.json: not a supported BERT"):
        encoder.read_architecture(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(EmotiondError, match=r"tokenizer\.json: not a tokenizer"):
        encoder.read_tokenizer(tmp_path)
    text = (bert / "tokenizer.json").read_text().replace("[PAD]", "<s>")
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(EmotiondError, match=r"no token \[PAD\] or <pad>; padding needs one"):
        encoder.read_tokenizer(tmp_path)
    architecture = encoder.read_architecture(bert)
    model = encoder.build(architecture, 7, padding=0)
    weights = load_file(bert / "model.safetensors")
    weights["encoder.layer.1.output.dense.weight"] = np.zeros((3, 3), np.float32)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(EmotiondError, match=r"no weights of layer_1_narrow that fit"):
        encoder.load_weights(model, architecture, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(EmotiondError, match="not weights"):
        encoder.load_weights(model, architecture, tmp_path)
