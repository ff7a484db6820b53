"""Measures models in LiteRT: the file that ships, and the float32 one it was made from."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import track

from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import (
    BY_SPEAKER,
    WHOLE_SET,
    AnnotationScheme,
    SecondLabels,
    Splits,
    by_family,
)
from converter.measuring.metrics import (
    ModelVariant,
    as_metrics,
    compute_metrics,
    majority_scores,
    mean_metrics,
    multilabel_f1,
)
from converter.tasks.base import Task
from edge.emotions import FloatArray, softmax
from edge.perception.interpreter import Interpreter
from edge.perception.manifest import InputSpec, Manifest, Metric, save_manifest
from edge.perception.pack import Pack, load_pack

FLOAT32 = "float32.tflite"
"""In a run: the network that became int8, to compare with; beside it, as JSON, what it became."""
SECOND_PREFIX = "second_"
"""Of the names of metrics by a second labelling."""


def predict_logits(
    interpreter: Interpreter, task: Task, samples: Samples, spec: InputSpec
) -> list[list[FloatArray]]:
    """What each output of a model says of each sample: a float32[windows, labels] a sample."""
    heads: list[list[FloatArray]] = [[] for _ in interpreter.outputs]
    for sample in track(samples.inputs, description=f"{task.modality}, {len(samples)} samples"):
        windows = [interpreter.run(features) for features in task.device_inputs(sample, spec)]
        for head, predictions in zip(heads, zip(*windows, strict=True), strict=True):
            head.append(np.stack(predictions))
    return heads


def pool_windows(windows: list[FloatArray]) -> FloatArray:
    """One answer a sample, float32[samples, labels]: the mean of the logits of its windows."""
    return np.stack([one.mean(axis=0) for one in windows]).astype(np.float32)


@dataclass(frozen=True)
class SplitPredictions:
    """What one form of a model says of a test split."""

    variant: ModelVariant
    dataset: str
    split: str
    samples: Samples
    probabilities: FloatArray
    """float32[samples, labels], calibrated, windows pooled."""
    uncalibrated: FloatArray
    """The same before calibration."""
    second: "SecondPredictions | None" = None
    schemes: Mapping[str, AnnotationScheme] = field(default_factory=dict)
    """Where a sample may have several labels: by data set, which is the group of its samples."""

    def of_groups(self, groups: Collection[str]) -> "SplitPredictions":
        """The predictions to the samples of the given groups."""
        rows = self.samples.rows_of(groups)
        return replace(
            self,
            samples=self.samples.subset(rows),
            probabilities=self.probabilities[rows],
            uncalibrated=self.uncalibrated[rows],
        )

    @property
    def families(self) -> "list[SplitPredictions]":
        """The predictions to each family of data sets that were judged with the same habits."""
        return [
            replace(
                self.of_groups(schemes),
                dataset=family,
                split=next(iter(schemes.values())).test_split,
                schemes=schemes,
            )
            for family, schemes in by_family(self.schemes).items()
        ] or [self]

    def metrics(self, manifest: Manifest) -> tuple[Metric, ...]:
        """The figures of these predictions, of every labelling.

        Where several labels may hold, those of a family are the means over its data sets, and
        follow for each of them.
        """
        found = compute_metrics(self.probabilities, self.uncalibrated, self.samples, manifest)
        languages = self._multilabel(manifest)
        found |= mean_metrics(list(languages.values()))
        metrics = as_metrics(found, self.dataset, self.split, len(self.samples), self.variant)
        for dataset, of_language in languages.items() if len(languages) > 1 else ():
            n = self.samples.groups.count(dataset)
            metrics += as_metrics(of_language, dataset, self.split, n, self.variant)
        return metrics + (self.second.metrics(self.variant) if self.second else ())

    def _multilabel(self, manifest: Manifest) -> dict[str, dict[str, float]]:
        """Figures of several labels by data set, where the pack has thresholds for it."""
        found = {}
        for dataset, scheme in self.schemes.items():
            if (thresholds := manifest.thresholds.get(dataset)) is not None:
                own = self.of_groups({dataset})
                found[dataset] = multilabel_f1(own.probabilities, own.samples, scheme, thresholds)
        return {dataset: each for dataset, each in found.items() if each}


@dataclass(frozen=True)
class SecondPredictions:
    """What the second head of a model says by another labelling of the same test split."""

    labels: SecondLabels
    samples: Samples
    probabilities: FloatArray

    def metrics(self, variant: ModelVariant) -> tuple[Metric, ...]:
        """The whole figures; their names begin with SECOND_PREFIX."""
        whole = majority_scores(self.probabilities, self.samples)
        found = {f"{SECOND_PREFIX}{name}": value for name, value in whole.items()}
        names = self.labels.dataset, self.labels.test_split
        return as_metrics(found, *names, len(self.samples), variant)


def predict_split(
    variant: ModelVariant, model: bytes, task: Task, splits: Splits, manifest: Manifest
) -> SplitPredictions:
    """Runs a model on every sample of the test split. Raises DatasetError where there is none."""
    if not splits.test_split:
        raise DatasetError(
            f"{splits.dataset}: nobody is left to test on, all of it taught the model; measure by "
            "`emotion-convert folds`, or on data of other people with --all"
        )
    interpreter = Interpreter(model, f"{manifest.name} ({variant})")
    heads = predict_logits(interpreter, task, splits.test, manifest.input)
    pooled = [pool_windows(windows) for windows in heads]
    rows, second = splits.test.labelled_rows, None
    if splits.second is not None and splits.second.labels == manifest.second_labels:
        others = softmax(pooled[1][splits.test.second_rows])
        second = SecondPredictions(
            splits.second, splits.test.by_second(manifest.second_labels), others
        )
    logits = pooled[0][rows]
    return SplitPredictions(
        variant,
        splits.dataset,
        splits.test_split,
        splits.test.subset(rows),
        softmax(logits, manifest.temperature),
        softmax(logits),
        second,
        splits.schemes,
    )


def variants_of(pack: Pack, run: Path) -> dict[ModelVariant, bytes]:
    """The int8 model, and the float32 one where `run` is what it came from."""
    pack.open()  # refuses what does not fit its manifest
    variants: dict[ModelVariant, bytes] = {"int8": pack.model}
    origin = run / FLOAT32
    if origin.is_file() and origin.with_suffix(".json").is_file():
        made = msgspec.json.decode(origin.with_suffix(".json").read_bytes(), type=dict[str, str])
        if made.get("int8_sha256") == pack.manifest.sha256:
            variants["float32"] = origin.read_bytes()
        else:
            print(f"{run} is not the run that {pack.path} came from: float32 is left out")
    return variants


def predict_all(task: Task, splits: Splits, pack: Pack, run: Path) -> list[SplitPredictions]:
    """The predictions of every form of a pack's model to the test split of each family of data."""
    return [
        predictions
        for variant, model in variants_of(pack, run).items()
        for predictions in predict_split(variant, model, task, splits, pack.manifest).families
    ]


def evaluate_pack(task: Task, splits: Splits, manifest_path: Path, run: Path) -> Manifest:
    """Measures a pack on the test split and writes the figures into its manifest."""
    pack = load_pack(manifest_path)
    known = [
        entry
        for entry in pack.manifest.trained_on
        for name in splits.datasets
        if entry.startswith(f"{name} ")
    ]
    if splits.test_split == WHOLE_SET and known:
        raise DatasetError(
            f"{manifest_path}: this model learned from {known[0]}; "
            "--all is for data that took no part"
        )
    predictions = predict_all(task, splits, pack, run)
    found = tuple(metric for one in predictions for metric in one.metrics(pack.manifest))
    return add_metrics(pack.manifest, found, manifest_path)


def add_metrics(manifest: Manifest, found: Iterable[Metric], path: Path) -> Manifest:
    """Writes a manifest with the figures in it; those of other splits stay there.

    Folds by speaker are one split, however many there are.
    """
    found = tuple(found)
    measured = {_split_key(one) for one in found}
    kept = (one for one in manifest.metrics if _split_key(one) not in measured)
    manifest = msgspec.structs.replace(manifest, metrics=(*kept, *found))
    save_manifest(manifest, path)
    return manifest


def _split_key(metric: Metric) -> tuple[str, str, bool]:
    split = BY_SPEAKER if metric.split.endswith(BY_SPEAKER) else metric.split
    return metric.dataset, split, metric.metric.startswith(SECOND_PREFIX)
