"""Measures models in LiteRT: the file that ships, and the float32 one it was made from."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import track

from converter.figures import Form, as_metrics, figures, headline
from converter.samples import Samples, Splits
from converter.tasks.base import Task
from edge.emotions import FloatArray, softmax
from edge.perception.interpreter import Interpreter
from edge.perception.pack import InputSpec, Manifest, Metric, Pack, load_pack, save_manifest

FLOAT32 = "float32.tflite"
"""In a run: the network that became int8, to compare with; beside it, as JSON, what it became."""
SECOND_PREFIX = "second_"
"""Of the names of metrics by a second labelling."""


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
