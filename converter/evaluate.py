"""Measures models in LiteRT: the file that ships, and the float32 one it was made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
from rich.progress import track
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from converter.samples import Samples, Splits
from converter.tasks.base import Task
from edge.emotions import EMOTIONS, FloatArray, label_matrix, softmax, to_seven
from edge.perception.interpreter import Interpreter
from edge.perception.pack import InputSpec, Manifest, Metric, Pack, load_pack, save_manifest

CALIBRATION_BINS = 15
FLOAT32 = "float32.tflite"
"""In a run: the network that became int8, to compare with; beside it, as JSON, what it became."""
SECOND_PREFIX = "second_"
"""Of the names of metrics by a second labelling."""

Form = Literal["int8", "float32"]


def measure_logits(
    interpreter: Interpreter, task: Task, samples: Samples, spec: InputSpec
) -> list[list[FloatArray]]:
    """What each output of a model says of each sample: a float32[windows, labels] a sample."""
    heads: list[list[FloatArray]] = [[] for _ in interpreter.outputs]
    for sample in track(samples.inputs, description=f"{task.modality}, {len(samples)} samples"):
        windows = [interpreter.run(task.features(one, spec)) for one in task.windows(sample, spec)]
        for head, answers in zip(heads, zip(*windows, strict=True), strict=True):
            head.append(np.stack(answers))
    return heads


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


def headline(probabilities: FloatArray, samples: Samples) -> dict[str, float]:
    """Accuracy, unweighted average recall and macro-F1 over the labels that occur."""
    truth, guess = samples.majority, probabilities.argmax(axis=1)
    occurring = {"labels": np.unique(truth), "average": "macro", "zero_division": 0}
    return {
        "accuracy": accuracy_score(truth, guess),
        "uar": recall_score(truth, guess, **occurring),
        "macro_f1": f1_score(truth, guess, **occurring),
    }


def figures(logits: FloatArray, samples: Samples, manifest: Manifest) -> dict[str, float]:
    """Everything that is measured of a model: over its labels, of each, and of the seven."""
    probabilities = softmax(logits, manifest.temperature)
    truth, guess = samples.majority, probabilities.argmax(axis=1)
    found = headline(probabilities, samples) | {
        "ece": expected_calibration_error(probabilities, truth),
        "ece_uncalibrated": expected_calibration_error(softmax(logits), truth),
    }
    if manifest.thresholds:
        cuts = np.array([manifest.thresholds[label] for label in manifest.labels])
        present = samples.targets > 0
        found["macro_f1_multilabel"] = f1_score(
            present, probabilities >= cuts, average="macro", zero_division=0
        )
    each = range(len(manifest.labels))
    for name, score in (("precision", precision_score), ("recall", recall_score)):
        scores = score(truth, guess, average=None, labels=each, zero_division=0)
        found |= {f"{name}_{one}": s for one, s in zip(manifest.labels, scores, strict=True)}
    return found | seven_f1(probabilities, samples, manifest)


def seven_f1(probabilities: FloatArray, samples: Samples, manifest: Manifest) -> dict[str, float]:
    """F1 of each of the seven, as `f1_<emotion>`, and their mean, as `macro_f1_seven`.

    The mean is over the emotions that occur; one that does not has an F1 of 0.
    """
    matrix = label_matrix(manifest.labels, manifest.label_map)
    known = (samples.targets @ matrix).sum(axis=1) > 0
    truth = to_seven(samples.targets[known], matrix).argmax(axis=1)
    guess = to_seven(probabilities[known], matrix).argmax(axis=1)
    scores = f1_score(truth, guess, average=None, labels=range(len(EMOTIONS)), zero_division=0)
    each = {f"f1_{emotion}": score for emotion, score in zip(EMOTIONS, scores, strict=True)}
    return {"macro_f1_seven": float(scores[np.unique(truth)].mean())} | each


def as_metrics(
    found: dict[str, float], dataset: str, split: str, n: int, of: Form = "int8"
) -> tuple[Metric, ...]:
    """Figures of `n` samples as a manifest has them."""
    return tuple(
        Metric(dataset, split, name, round(float(value), 4), n, of) for name, value in found.items()
    )


@dataclass(frozen=True)
class Answers:
    """What one form of a model says of the test split."""

    of: Form
    model: bytes
    samples: Samples
    logits: FloatArray
    """float32[samples, labels], windows pooled."""
    second: tuple[Samples, FloatArray] | None
    """The same by the second labelling, where the model has one."""

    @classmethod
    def ask(
        cls, of: Form, model: bytes, task: Task, splits: Splits, manifest: Manifest
    ) -> "Answers":
        """Runs the model on every sample of the test split."""
        interpreter = Interpreter(model, f"{manifest.name} ({of})")
        heads = measure_logits(interpreter, task, splits.test, manifest.input)
        pooled = [pool_windows(windows) for windows in heads]
        first, second = splits.test.labelled_rows, None
        if splits.second is not None and splits.second.labels == manifest.second_labels:
            rows = splits.test.second_rows
            second = splits.test.by_second(manifest.second_labels), pooled[1][rows]
        return cls(of, model, splits.test.subset(first), pooled[0][first], second)

    def metrics(self, manifest: Manifest, splits: Splits) -> tuple[Metric, ...]:
        """The figures of these answers, of every labelling."""
        found = figures(self.logits, self.samples, manifest)
        metrics = as_metrics(found, splits.dataset, splits.test_split, len(self.samples), self.of)
        if self.second is not None and splits.second is not None:
            samples, logits = self.second
            found = {
                f"{SECOND_PREFIX}{name}": value
                for name, value in headline(softmax(logits), samples).items()
            }
            names = splits.second.dataset, splits.second.test_split
            metrics += as_metrics(found, *names, len(samples), self.of)
        return metrics


def ask_all(task: Task, splits: Splits, pack: Pack, run: Path) -> list[Answers]:
    """The answers of the int8 model, and of the float32 one where `run` is what it came from."""
    pack.open()  # refuses what does not fit its manifest
    forms: dict[Form, bytes] = {"int8": pack.model}
    origin = run / FLOAT32
    if origin.is_file() and origin.with_suffix(".json").is_file():
        made = msgspec.json.decode(origin.with_suffix(".json").read_bytes(), type=dict[str, str])
        if made.get("int8_sha256") == pack.manifest.sha256:
            forms["float32"] = origin.read_bytes()
        else:
            print(f"{run} is not the run that {pack.path} came from: float32 is left out")
    return [Answers.ask(of, model, task, splits, pack.manifest) for of, model in forms.items()]


def evaluate_pack(task: Task, splits: Splits, manifest_path: Path, run: Path) -> Manifest:
    """Measures a pack on the test split and writes the figures into its manifest.

    Figures of other data sets stay there.
    """
    pack = load_pack(manifest_path)
    found: tuple[Metric, ...] = ()
    for answers in ask_all(task, splits, pack, run):
        found += answers.metrics(pack.manifest, splits)
    measured = {_place(one) for one in found}
    kept = (one for one in pack.manifest.metrics if _place(one) not in measured)
    manifest = msgspec.structs.replace(pack.manifest, metrics=(*kept, *found))
    save_manifest(manifest, manifest_path)
    return manifest


def _place(metric: Metric) -> tuple[str, str, bool]:
    return metric.dataset, metric.split, metric.metric.startswith(SECOND_PREFIX)
