"""Measures an int8 pack in LiteRT, the file that ships rather than the network it came from."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rich.progress import track
from sklearn.metrics import accuracy_score, f1_score, recall_score

from converter.samples import Samples
from converter.tasks.base import Task
from edge.emotions import EMOTIONS, FloatArray, label_matrix, softmax, to_seven
from edge.perception.pack import InputSpec, Manifest, Metric

CALIBRATION_BINS = 15


def measure_logits(
    answer: Callable[[FloatArray], FloatArray], task: Task, samples: Samples, spec: InputSpec
) -> list[FloatArray]:
    """What a model says of each window of each sample: a float32[windows, labels] a sample.

    `answer` gives the model's logits, float32[labels], for the features of one window.
    """
    name = f"{task.modality}, {len(samples)} samples"
    return [
        np.stack([answer(task.features(one, spec)) for one in task.windows(sample, spec)])
        for sample in track(samples.inputs, description=name)
    ]


def pool_windows(windows: list[FloatArray]) -> FloatArray:
    """One answer a sample, float32[samples, labels]: the mean of the logits of its windows."""
    return np.stack([one.mean(axis=0) for one in windows]).astype(np.float32)


def expected_calibration_error(probabilities: FloatArray, truth: npt.NDArray[np.intp]) -> float:
    """Mean gap between confidence and accuracy over equally wide bins (Naeini et al. 2015)."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(float(confidence[bins == index].sum() - correct[bins == index].sum()))
        for index in np.unique(bins)
    ]
    return sum(gaps) / len(confidence)


def metrics(
    logits: FloatArray, samples: Samples, manifest: Manifest, dataset: str, split: str
) -> tuple[Metric, ...]:
    """The figures of one split: over the native labels, and F1 of each of the seven."""
    probabilities = softmax(logits, manifest.temperature)
    truth, guess = samples.majority, probabilities.argmax(axis=1)
    figures = {
        "accuracy": accuracy_score(truth, guess),
        "uar": recall_score(truth, guess, average="macro", zero_division=0),
        "macro_f1": f1_score(truth, guess, average="macro", zero_division=0),
        "ece": expected_calibration_error(probabilities, truth),
    }
    if manifest.thresholds:
        cuts = np.array([manifest.thresholds[label] for label in manifest.labels])
        present = samples.targets > 0
        figures["macro_f1_multilabel"] = f1_score(
            present, probabilities >= cuts, average="macro", zero_division=0
        )
    recalls = recall_score(
        truth, guess, average=None, labels=range(len(manifest.labels)), zero_division=0
    )
    figures |= {f"recall_{label}": r for label, r in zip(manifest.labels, recalls, strict=True)}
    figures |= seven_f1(probabilities, samples, manifest)
    return tuple(
        Metric(dataset, split, name, round(float(value), 4), len(samples))
        for name, value in figures.items()
    )


def seven_f1(probabilities: FloatArray, samples: Samples, manifest: Manifest) -> dict[str, float]:
    """F1 of each of the seven emotions, as `f1_<emotion>`."""
    matrix = label_matrix(manifest.labels, manifest.label_map)
    known = (samples.targets @ matrix).sum(axis=1) > 0
    truth = to_seven(samples.targets[known], matrix).argmax(axis=1)
    guess = to_seven(probabilities[known], matrix).argmax(axis=1)
    scores = f1_score(truth, guess, average=None, labels=range(len(EMOTIONS)), zero_division=0)
    return {f"f1_{emotion}": score for emotion, score in zip(EMOTIONS, scores, strict=True)}
