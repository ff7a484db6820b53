"""A sentence encoder, texts, and a finished teacher of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from converter.datasets.splits import Splits
from converter.training.fine_tune import fine_tune
from converter.training.runs import Plan
from tests.converter.encoders import CONFIG, SHORT, VOCABULARY, bert_weights, own_splits


@pytest.fixture
def eager() -> Iterator[None]:
    """Runs networks layer by layer; building the graph takes longer than a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file(bert_weights(), folder / "model.safetensors")
    ids = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    return own_splits(tmp_path_factory.mktemp("texts"), "here", "there")


@pytest.fixture(scope="session")
def run(bert: Path, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished teacher."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    fine_tune(bert, splits, run, Plan(SHORT))
    return run
