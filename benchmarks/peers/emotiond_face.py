"""Runs our face model on crops, as the daemon does.

python emotiond_face.py MANIFEST CROPS COUNT TIMED: CROPS holds COUNT grey crops of 96x96 bytes.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from edge.emotions import EMOTIONS
from edge.machine import peak_rss_mb
from edge.perception.classifier import Classification, Classifier
from edge.perception.features import Pixels, image_features
from edge.perception.manifest import ImageInput
from edge.perception.pack import load_pack

SIDE = 96


def main() -> None:
    """Prints one JSON object: predictions, milliseconds per crop, peak RSS and size."""
    pack = load_pack(Path(sys.argv[1]))
    count, timed = int(sys.argv[3]), int(sys.argv[4])
    crops = np.fromfile(sys.argv[2], np.uint8).reshape(count, SIDE, SIDE)
    classifier, spec = Classifier(pack), pack.manifest.input
    assert isinstance(spec, ImageInput)

    def answer(crop: Pixels) -> Classification:
        return classifier.classify(image_features(crop, spec))

    durations_s = []
    for crop in crops[:timed]:
        started_s = time.perf_counter()
        answer(crop)
        durations_s.append(time.perf_counter() - started_s)
    peak_mb = peak_rss_mb(os.getpid())
    answers = [int(answer(crop).probabilities.argmax()) for crop in crops]
    result = {
        "predictions": [EMOTIONS[index] for index in answers],
        "ms": 1000 * float(np.median(durations_s)),
        "peak_rss_mb": peak_mb,
        "size_bytes": len(pack.model),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
