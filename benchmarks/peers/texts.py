"""Runs one system that classifies the emotion of texts.

python texts.py SYSTEM MODEL TEXTS: TEXTS is a JSON object of `held_back`, `test` and `timed`, each
a list of texts. MODEL is our manifest, the pickled pipeline, or the folder of the lexicon.
"""

import json
import os
import pickle
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge.machine import peak_rss_mb

EKMAN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
WORDS = re.compile(r"\w+")

Score = Callable[[str], list[float]]
"""Returns a text's score for each of EKMAN, and for curiosity, which lexicons do not know."""


def emotiond(manifest: Path) -> tuple[Score, int]:
    """Loads our text model, as the daemon runs it."""
    import numpy as np

    from edge.perception.classifier import Classifier, calibrated
    from edge.perception.manifest import TextInput
    from edge.perception.pack import load_pack
    from edge.perception.text_features import text_windows

    pack = load_pack(manifest)
    classifier, spec = Classifier(pack), pack.manifest.input
    assert isinstance(spec, TextInput)

    def score(text: str) -> list[float]:
        logits = [classifier.logits(one) for one in text_windows(text, spec)]
        return [float(one) for one in calibrated(np.mean(logits, axis=0), pack.manifest)]

    return score, len(pack.model)


def tfidf(pipeline: Path) -> tuple[Score, int]:
    """Loads a fitted TF-IDF with logistic regression."""
    model = pickle.loads(pipeline.read_bytes())  # noqa: S301 - the benchmark's own file
    return lambda text: [
        float(one) for one in model.predict_proba([text])[0]
    ], pipeline.stat().st_size


def nrclex(folder: Path) -> tuple[Score, int]:
    """Counts the NRC lexicon's words; a text without any is neutral."""
    sys.path.insert(0, str(folder))
    from nrclex import NRCLex

    lexicon = NRCLex()

    def score(text: str) -> list[float]:
        lexicon.load_token_list(WORDS.findall(text.lower()))
        found = {name: share for name, share in lexicon.affect_frequencies.items() if share}
        return [found.get(label, 0.0) for label in EKMAN[:4]] + [
            float(not found),
            *(found.get(label, 0.0) for label in EKMAN[5:]),
            0.0,
        ]

    return score, (folder / "nrclex" / "data" / "nrc_en.json").stat().st_size


def vader(folder: Path) -> tuple[Score, int]:
    """Maps VADER's compound score: joy above zero, unpleasant emotions below, neutral around it."""
    sys.path.insert(0, str(folder))
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()

    def score(text: str) -> list[float]:
        compound = analyzer.polarity_scores(text)["compound"]
        bad, good = max(-compound, 0.0), max(compound, 0.0)
        return [bad, bad, bad, good, 1 - abs(compound), bad, 0.0, 0.0]

    return score, (folder / "vaderSentiment" / "vader_lexicon.txt").stat().st_size


SYSTEMS = {one.__name__: one for one in (emotiond, tfidf, nrclex, vader)}


def main() -> None:
    """Prints one JSON object: scores of both splits, milliseconds per text, peak RSS and size."""
    score, size_bytes = SYSTEMS[sys.argv[1]](Path(sys.argv[2]))
    texts = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    score(texts["timed"][0])
    started_s = time.perf_counter()
    for text in texts["timed"]:
        score(text)
    each_ms = (time.perf_counter() - started_s) / len(texts["timed"]) * 1000
    result = {
        "ms": each_ms,
        "peak_rss_mb": peak_rss_mb(os.getpid()),
        "size_bytes": size_bytes,
        **{split: [score(text) for text in texts[split]] for split in ("held_back", "test")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
