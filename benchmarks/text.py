"""Compares the text model with NRCLex, VADER and TF-IDF with logistic regression, on equal texts.

python benchmarks/text.py path/to/GoEmotions/ekman: each system runs in its own process, one after
another. The thresholds of all are fitted to held-back training rows, on which the regression was
not trained either. Missing lexicons are installed into their own folder (--peers). NRCLex gets
words that are split at non-letters, because its own splitter needs files that its package lacks.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from converter.datasets import goemotions
from converter.datasets.samples import Samples
from converter.datasets.texts import Texts
from converter.measuring.metrics import MULTILABEL_MEAN, multilabel_f1
from converter.packing.calibrate import fit_thresholds
from edge.commands.terminal import table
from edge.emotions import FloatArray
from edge.resources import MODELS

HERE = Path(__file__).parent
TIMED_TEXTS = 500
LEXICONS = ("NRCLex==4.1.0", "vaderSentiment==3.3.2")


def _install(peers: Path) -> None:
    if not (peers / "vaderSentiment").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(peers)]
        subprocess.run([*pip, *LEXICONS], check=True)


def _fit_tfidf(train: Samples, file: Path) -> Path:
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True),
        OneVsRestClassifier(LogisticRegression(C=4.0, class_weight="balanced", max_iter=300)),
    )
    model.fit(list(train.inputs), (train.targets > 0).astype(int))
    file.write_bytes(pickle.dumps(model))
    return file


def _run(system: str, model: Path, texts: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(HERE / "peers/texts.py"), system, str(model), str(texts)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _grouped(values: FloatArray, texts: Texts) -> FloatArray:
    """Groups columns by the labels that the data set is scored by."""
    scheme = texts.scheme
    columns = [scheme.column(label, values, texts.test.labels) for label in scheme.labels]
    return np.stack(columns, axis=1)


def _row(name: str, found: dict[str, Any], texts: Texts) -> tuple[str, ...]:
    held_back, test = (np.array(found[split], np.float32) for split in ("held_back", "test"))
    thresholds = fit_thresholds(held_back, texts.held_back, {texts.dataset: texts.scheme})
    figures = multilabel_f1(test, texts.test, texts.scheme, thresholds[texts.dataset])
    truth, guess = (_grouped(values, texts).argmax(axis=1) for values in (texts.test.targets, test))
    return (
        name,
        f"{figures[MULTILABEL_MEAN]:.4f}",
        f"{accuracy_score(truth, guess):.4f}",
        f"{found['size_bytes'] / 1e6:.2f}",
        f"{found['ms']:.3f}",
        f"{found['peak_rss_mb']:.0f}",
    )


def main() -> None:
    """Prints macro-F1, top-1, size, time per text and peak RSS of each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--peers", type=Path, default=Path("runs/peers"), help="folder of the peers"
    )
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    peers.mkdir(parents=True, exist_ok=True)
    _install(peers)
    (texts,) = goemotions.load(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        splits = {"held_back": texts.held_back.inputs, "test": texts.test.inputs}
        splits["timed"] = texts.test.inputs[:TIMED_TEXTS]
        file.write_text(json.dumps(splits), encoding="utf-8")
        pipeline = _fit_tfidf(texts.train, Path(folder) / "tfidf.pickle")
        found = {
            "emotiond text": _run("emotiond", MODELS / "text.json", file),
            "TF-IDF + LR": _run("tfidf", pipeline, file),
            "NRCLex 4.1.0": _run("nrclex", peers, file),
            "VADER 3.3.2, mapped": _run("vader", peers, file),
        }
    print(f"{texts.dataset} {texts.scheme.test_split}, {len(texts.test)} texts, one thread\n")
    headings = ("system", "macro-F1", "top-1", "MB", "ms per text", "peak RSS MB")
    print(table(headings, [_row(name, one, texts) for name, one in found.items()]))


if __name__ == "__main__":
    main()
