"""Runs a model pack as a function: features in, calibrated probabilities out."""

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from edge.emotions import FloatArray, label_matrix, softmax, to_seven
from edge.perception.interpreter import Features, Interpreter
from edge.perception.manifest import Manifest
from edge.perception.pack import Pack

LEAST_PROBABILITY = 1 / 512
"""Half a step of a probability in int8: a lower one cannot be told from it."""


@dataclass(frozen=True)
class Classification:
    """One answer of a model, over the seven emotions and over its own labels."""

    probabilities: FloatArray
    """float32[7], calibrated."""
    native: dict[str, float]
    familiarity: float = 1.0
    """Likeness to what the model knows, 0..1; 1 if its manifest has no bounds for it."""


def calibrated(logits: FloatArray, manifest: Manifest) -> FloatArray:
    """Returns probabilities of the manifest's labels for logits, both float32[..., labels]."""
    if manifest.log_prior:
        logits = logits + np.array(manifest.log_prior, np.float32)
    return softmax(logits, manifest.temperature)


def as_logits(output: FloatArray, manifest: Manifest) -> FloatArray:
    """Returns logits, float32[..., labels], of the values that a model answers."""
    return logs(output) if manifest.output == "probabilities" else output


def completed(manifest: Manifest, interpreter: Interpreter) -> Manifest:
    """Returns the manifest; it says `probabilities` if the model itself ends in a softmax."""
    if interpreter.outputs[0].is_of_softmax:
        return msgspec.structs.replace(manifest, output="probabilities")
    return manifest


def logs(probabilities: FloatArray) -> FloatArray:
    """Returns logits of probabilities: the softmax of their logarithms are the same ones."""
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)), np.float32)


class Classifier:
    """Runs a pack's int8 model and applies its prior, temperature and label map."""

    def __init__(self, pack: Pack, threads: int = 1) -> None:
        self._interpreter = pack.open(threads)
        self.manifest = completed(pack.manifest, self._interpreter)
        self._matrix = label_matrix(pack.manifest.labels, pack.manifest.label_map)

    def logits(self, features: Features) -> FloatArray:
        """Returns the model's logits, float32[labels], for features shaped like its input."""
        return as_logits(self._interpreter.run(features)[0], self.manifest)

    def classify(self, *windows: Features) -> Classification:
        """Returns the calibrated answer for features shaped like the manifest's input.

        The logits of several windows of a sample are averaged.
        """
        logits = [self.logits(one) for one in windows]
        return self.interpret(logits[0] if len(logits) == 1 else np.mean(logits, axis=0))

    def interpret(self, logits: FloatArray) -> Classification:
        """Turns `logits`, float32[labels], into a calibrated answer."""
        native = calibrated(logits, self.manifest)
        return Classification(
            to_seven(native, self._matrix),
            dict(zip(self.manifest.labels, native.round(4).tolist(), strict=True)),
            self._familiarity(logits),
        )

    def _familiarity(self, logits: FloatArray) -> float:
        if self.manifest.familiarity is None:
            return 1.0
        unlike, ordinary = self.manifest.familiarity
        values = logits.tolist()  # for so few numbers, numpy is slower
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((one - mean) ** 2 for one in values) / len(values))
        return min(max((spread - unlike) / (ordinary - unlike), 0.0), 1.0)
