"""A very small BERT in the published layout, and texts to train it on."""

from pathlib import Path

import msgspec
import numpy as np

from converter.datasets import own_texts
from converter.datasets.splits import Splits
from converter.datasets.texts import join
from converter.training.fine_tune import SCHEDULE
from edge.emotions import FloatArray

SHORT = msgspec.structs.replace(SCHEDULE, epochs=12, batch_size=16, learning_rate=1e-2)
HIDDEN, HEADS, WIDE, BLOCKS = 16, 2, 32, 2
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "so", "happy", "sad", "day", "i", "am", "not"]
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "intermediate_size": WIDE,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "num_attention_heads": HEADS,
    "num_hidden_layers": BLOCKS,
    "vocab_size": len(VOCABULARY),
    "architectures": ["BertModel"],
}


def bert_weights(seed: int = 0) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> FloatArray:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": draw(len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": draw(64, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        "pooler.dense.weight": draw(HIDDEN, HIDDEN),
    }
    shapes = {
        **{f"attention.{part}": (HIDDEN, HIDDEN) for part in ("self.query", "self.key")},
        **{f"attention.{part}": (HIDDEN, HIDDEN) for part in ("self.value", "output.dense")},
        "attention.output.LayerNorm": (HIDDEN,),
        "intermediate.dense": (WIDE, HIDDEN),
        "output.dense": (HIDDEN, WIDE),
        "output.LayerNorm": (HIDDEN,),
    }
    names = {
        f"encoder.layer.{n}.{name}": one for n in range(BLOCKS) for name, one in shapes.items()
    }
    for name, shape in {"embeddings.LayerNorm": (HIDDEN,), **names}.items():
        found[f"{name}.weight"], found[f"{name}.bias"] = draw(*shape), draw(shape[0])
    return found


def own_splits(root: Path, *names: str) -> Splits:
    for name in names:
        rows = "".join(f"i am so happy {n},joy\nsad day {n},sadness\n" for n in range(60))
        (root / f"{name}.csv").write_text(f"text,label\n{rows}")
    return join([one for name in names for one in own_texts.load(root / f"{name}.csv")])
