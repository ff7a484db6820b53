"""The text model against TF-IDF with logistic regression, trained and tested on the same rows.

python benchmarks/text.py path/to/GoEmotions/ekman
"""

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from converter.calibrate import fit_thresholds
from converter.datasets import goemotions
from converter.datasets.texts import LABELS
from converter.samples import Samples
from edge.emotions import FloatArray, softmax
from edge.perception.classifier import Classifier
from edge.perception.features import text_features
from edge.perception.pack import TextInput, load_pack
from edge.publish.console import table
from edge.resources import MODELS

TIMED_TEXTS = 500

Predict = Callable[[Sequence[str]], FloatArray]


def _ours() -> tuple[Predict, int]:
    pack = load_pack(MODELS / "text.json")
    classifier, spec = Classifier(pack), pack.manifest.input
    assert isinstance(spec, TextInput)

    def predict(texts: Sequence[str]) -> FloatArray:
        logits = np.stack([classifier.logits(text_features(text, spec)) for text in texts])
        return softmax(logits, pack.manifest.temperature)

    return predict, len(pack.model)


def _tfidf(train: Samples) -> tuple[Predict, int]:
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True),
        OneVsRestClassifier(LogisticRegression(C=4.0, class_weight="balanced", max_iter=300)),
    )
    model.fit(list(train.inputs), (train.targets > 0).astype(int))
    return lambda texts: np.asarray(model.predict_proba(texts)), len(pickle.dumps(model))


def main() -> None:
    """Prints macro-F1, top-1, size and time per text of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    (texts,) = goemotions.load(parser.parse_args().data)
    systems = {"emotiond text": _ours(), "TF-IDF + LR": _tfidf(texts.train)}
    rows = []
    for name, (predict, size) in systems.items():
        held_back = texts.held_back
        thresholds = fit_thresholds(predict(held_back.inputs), held_back.targets > 0, LABELS)
        probabilities = predict(texts.test.inputs)
        cuts = np.array([thresholds[label] for label in LABELS])
        f1 = f1_score(texts.test.targets > 0, probabilities >= cuts, average="macro")
        top = accuracy_score(texts.test.majority, probabilities.argmax(axis=1))
        started_s = time.perf_counter()
        for text in texts.test.inputs[:TIMED_TEXTS]:
            predict([text])
        each_ms = (time.perf_counter() - started_s) / TIMED_TEXTS * 1000
        rows.append((name, f"{f1:.4f}", f"{top:.4f}", f"{size / 1e6:.2f}", f"{each_ms:.3f}"))
    print(f"GoEmotions Ekman dev, {len(texts.test)} texts; thresholds from held-back train rows")
    print(table(("system", "macro-F1", "top-1", "MB", "ms a text"), rows))


if __name__ == "__main__":
    main()
