"""Evaluates models in LiteRT: the file that ships, and the float32 one it was made from."""

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
    Splits,
    as_annotated,
    by_family,
)
from converter.measuring.metrics import (
    ModelVariant,
    as_metrics,
    compute_metrics,
    mean_metrics,
    multilabel_f1,
)
from converter.measuring.relabel import relabelled
from converter.tasks.base import Task
from edge.emotions import FloatArray, softmax
from edge.perception.classifier import as_logits, calibrated, completed
from edge.perception.interpreter import Interpreter
from edge.perception.manifest import InputSpec, Manifest, Metric, save_manifest
from edge.perception.pack import Pack, load_pack

FLOAT32 = "float32.tflite"
"""In a run: the float32 network, to compare with; a JSON file beside it has the int8 hash."""


def predict_logits(
    interpreter: Interpreter, task: Task, samples: Samples, spec: InputSpec
) -> list[FloatArray]:
    """Returns a model's logits, float32[windows, labels] of each sample."""
    return [
        np.stack([interpreter.run(one)[0] for one in task.device_inputs(sample, spec)])
        for sample in track(samples.inputs, description=f"{task.modality}, {len(samples)} samples")
    ]


def pool_windows(windows: list[FloatArray]) -> FloatArray:
    """Returns the mean logits over the windows of each sample, float32[samples, labels]."""
    return np.stack([one.mean(axis=0) for one in windows]).astype(np.float32)


@dataclass(frozen=True)
class SplitPredictions:
    """Predictions of one variant of a model for a test split."""

    variant: ModelVariant
    dataset: str
    split: str
    samples: Samples
    probabilities: FloatArray
    """float32[samples, labels], calibrated, windows pooled."""
    uncalibrated: FloatArray
    """float32[samples, labels], before calibration."""
    schemes: Mapping[str, AnnotationScheme] = field(default_factory=dict)
    """The annotation of each data set, which is also the group of its samples; may be empty."""

    def of_groups(self, groups: Collection[str]) -> "SplitPredictions":
        """Returns the predictions for the samples of the given groups."""
        rows = self.samples.rows_of(groups)
        return replace(
            self,
            samples=self.samples.subset(rows),
            probabilities=self.probabilities[rows],
            uncalibrated=self.uncalibrated[rows],
        )

    @property
    def families(self) -> "list[SplitPredictions]":
        """The predictions for each family of data sets with the same annotation."""
        each = [
            replace(
                self.of_groups(schemes),
                dataset=family,
                split=next(iter(schemes.values())).test_split,
                schemes=schemes,
            )
            for family, schemes in by_family(self.schemes).items()
        ]
        return [one for one in each if len(one.samples)] or [self]

    def metrics(self, manifest: Manifest) -> tuple[Metric, ...]:
        """Returns the metrics of these predictions.

        If samples may have several labels, a family's metrics are means over its data sets,
        followed by the metrics of each data set.
        """
        found = compute_metrics(self.probabilities, self.uncalibrated, self.samples, manifest)
        languages = self._multilabel(manifest)
        found |= mean_metrics(list(languages.values()))
        metrics = as_metrics(found, self.dataset, self.split, len(self.samples), self.variant)
        for dataset, of_language in languages.items() if len(languages) > 1 else ():
            n = self.samples.groups.count(dataset)
            metrics += as_metrics(of_language, dataset, self.split, n, self.variant)
        return metrics

    def answerable(self, manifest: Manifest) -> "SplitPredictions":
        """Returns the predictions as the annotators' labels, or those that a device can give.

        A label that they include in one of theirs counts as that one; one that is neither an
        emotion of the seven nor theirs is left out. Predictions of several labels a sample stay as
        they are.
        """
        if manifest.thresholds or not self.schemes:
            return self
        offered = {label for scheme in self.schemes.values() for label in scheme.labels}
        counts = [one in offered or manifest.label_map[one] is not None for one in manifest.labels]
        kept, raw = (
            np.where(counts, as_annotated(one, self.samples, self.schemes), 0)
            for one in (self.probabilities, self.uncalibrated)
        )
        return replace(
            self,
            probabilities=np.asarray(kept / kept.sum(axis=1, keepdims=True)),
            uncalibrated=np.asarray(raw / raw.sum(axis=1, keepdims=True)),
        )

    def _multilabel(self, manifest: Manifest) -> dict[str, dict[str, float]]:
        """Returns the multi-label metrics of each data set that the pack has thresholds for."""
        found = {}
        for dataset, scheme in self.schemes.items():
            if (thresholds := manifest.thresholds.get(dataset)) is not None:
                own = self.of_groups({dataset})
                found[dataset] = multilabel_f1(own.probabilities, own.samples, scheme, thresholds)
        return {dataset: each for dataset, each in found.items() if each}


def predict_split(
    variant: ModelVariant, model: bytes, task: Task, splits: Splits, manifest: Manifest
) -> SplitPredictions:
    """Runs a model on every sample of the test split. Raises DatasetError if there is none."""
    if not splits.test_split:
        raise DatasetError(
            f"{splits.dataset}: no test split, the model was trained on everyone; measure with "
            "`emotion-convert folds`, or on data of other people with --all"
        )
    interpreter = Interpreter(model, f"{manifest.name} ({variant})")
    manifest = completed(manifest, interpreter)
    labelled, schemes = splits.test.labelled, splits.schemes
    if labelled.labels != manifest.labels:
        labelled, schemes = relabelled(labelled, task.label_map, manifest), {}
    answers = pool_windows(predict_logits(interpreter, task, labelled, manifest.input))
    logits = as_logits(answers, manifest)
    return SplitPredictions(
        variant,
        splits.dataset,
        splits.test_split,
        labelled,
        calibrated(logits, manifest),
        softmax(logits),
        schemes,
    )


def variants_of(pack: Pack, run: Path) -> dict[ModelVariant, bytes]:
    """Returns the int8 model, and the float32 one if `run` is the run it was made from."""
    pack.open()  # refuses what does not fit its manifest
    variants: dict[ModelVariant, bytes] = {"int8": pack.model}
    if is_made_from(run, pack):
        variants["float32"] = (run / FLOAT32).read_bytes()
    elif (run / FLOAT32).is_file():
        print(f"{run} is not the run that {pack.path} was made from: float32 is left out")
    return variants


def is_made_from(run: Path, pack: Pack) -> bool:
    """Returns True if a pack was made from this run."""
    origin = run / FLOAT32
    if not origin.is_file() or not origin.with_suffix(".json").is_file():
        return False
    made = msgspec.json.decode(origin.with_suffix(".json").read_bytes(), type=dict[str, str])
    return made.get("int8_sha256") == pack.manifest.sha256


def predict_all(task: Task, splits: Splits, pack: Pack, run: Path) -> list[SplitPredictions]:
    """Runs every variant of a pack's model on the test split of each family of data sets."""
    return [
        predictions.answerable(pack.manifest)
        for variant, model in variants_of(pack, run).items()
        for predictions in predict_split(variant, model, task, splits, pack.manifest).families
    ]


def evaluate_pack(task: Task, splits: Splits, manifest_path: Path, run: Path) -> Manifest:
    """Measures a pack on the test split and writes the metrics into its manifest."""
    pack = load_pack(manifest_path)
    predictions = predict_strange(task, splits, pack, run)
    return add_metrics(pack.manifest, metrics_of(predictions, pack.manifest), manifest_path)


def metrics_of(predictions: Iterable[SplitPredictions], manifest: Manifest) -> tuple[Metric, ...]:
    """Returns the metrics of all predictions."""
    return tuple(metric for one in predictions for metric in one.metrics(manifest))


def predict_strange(task: Task, splits: Splits, pack: Pack, run: Path) -> list[SplitPredictions]:
    """Runs a pack as `predict_all` does; raises DatasetError if it knows a set as a whole."""
    known = [
        entry
        for entry in pack.manifest.trained_on
        for name in splits.datasets
        if entry.startswith(f"{name} ")
    ]
    if splits.test_split == WHOLE_SET and known:
        raise DatasetError(
            f"{pack.path}: this model was trained on {known[0]}; "
            "--all is for data that it was not trained on"
        )
    return predict_all(task, splits, pack, run)


def add_metrics(manifest: Manifest, found: Iterable[Metric], path: Path) -> Manifest:
    """Writes a manifest with the metrics in it; those of other splits are kept.

    Folds by speaker count as one split, whatever their number.
    """
    found = tuple(found)
    measured = {_split_key(one) for one in found}
    kept = (one for one in manifest.metrics if _split_key(one) not in measured)
    manifest = msgspec.structs.replace(manifest, metrics=(*kept, *found))
    save_manifest(manifest, path)
    return manifest


def _split_key(metric: Metric) -> tuple[str, str]:
    split = BY_SPEAKER if metric.split.endswith(BY_SPEAKER) else metric.split
    return metric.dataset, split
