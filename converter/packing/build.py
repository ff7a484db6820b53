"""Builds a model pack from a finished training run, calibrated on held-back data."""

import hashlib
from datetime import datetime, timezone
from pathlib import Path

import keras
import msgspec
import numpy as np

from converter.datasets.priors import LEAST_PRIOR
from converter.datasets.splits import HELD_BACK, Splits
from converter.measuring.evaluate import FLOAT32, SplitPredictions, pool_windows, predict_logits
from converter.packing.calibrate import (
    ENOUGH,
    fit_familiarity,
    fit_prior,
    fit_temperature,
    fit_temperature_across,
    fit_thresholds,
)
from converter.packing.check_samples import choose_checks
from converter.packing.quantize import (
    convert_float32,
    quantize,
    quantize_weights,
    write_model,
)
from converter.packing.rounding import round_depthwise
from converter.tasks.base import Task
from converter.training.runs import Calibration, calibration_in, load_run, origin, read_settings
from edge import __version__
from edge.emotions import FloatArray, softmax
from edge.errors import EmotiondError
from edge.perception.classifier import calibrated
from edge.perception.manifest import InputSpec, Manifest, TextInput, save_manifest
from edge.perception.pack import Pack
from edge.values import MadeBy

REPRESENTATIVE_SAMPLES = 400


def build_pack(
    task: Task,
    splits: Splits,
    run: Path,
    folder: Path,
    seed: int = 0,
    made_by: MadeBy | None = None,
) -> Path:
    """Quantizes a run into `folder`, calibrates the int8 file and writes its manifest.

    The representative samples are augmented training samples; the calibration is fitted to the
    held-back ones. A transformer has int8 weights only, see docs/training.md. Returns the
    manifest's path.
    """
    model, spec = load_run(run)
    data_origin = origin(run, splits)
    check_finite(model)
    _check_labels(model, task, run)
    if isinstance(spec, TextInput) and spec.pieces is not None:
        quantized, unquantized = quantize_weights(model), convert_float32(model)
    else:
        quantized, unquantized = _convert(model, _representative(task, splits, spec, seed))
    path = folder / f"{task.modality}.tflite"
    manifest = Manifest(
        name=task.modality,
        version=__version__,
        modality=task.modality,
        file=path.name,
        sha256=hashlib.sha256(quantized).hexdigest(),
        labels=task.labels,
        label_map=task.label_map,
        input=spec,
        trained_on=data_origin.trained_on,
        licence=data_origin.licence,
        created=datetime.now(timezone.utc).date().isoformat(),
        converter_version=__version__,
        made_by=made_by,
    )
    pack = Pack(path, manifest, quantized)
    manifest = calibrate(task, pack, splits, calibration_in(read_settings(run)))
    checks = choose_checks(msgspec.structs.replace(pack, manifest=manifest))
    manifest = msgspec.structs.replace(manifest, checks=checks)
    write_model(unquantized, run / FLOAT32)
    became = msgspec.json.encode({"int8_sha256": manifest.sha256})
    (run / FLOAT32).with_suffix(".json").write_bytes(became)
    write_model(quantized, path)
    save_manifest(manifest, path.with_suffix(".json"))
    return path.with_suffix(".json")


def _representative(task: Task, splits: Splits, spec: InputSpec, seed: int) -> list[FloatArray]:
    """Returns the features of some augmented training samples."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(splits.train))[:REPRESENTATIVE_SAMPLES]
    prepared = task.prepare(splits.train.subset(chosen), spec, seed)
    return [task.features(task.augment(one, rng), spec) for one in prepared.inputs]


def _convert(model: keras.Model, representative: list[FloatArray]) -> tuple[bytes, bytes]:
    """Returns the model as an int8 and as a float32 TFLite file; rounds its depthwise kernels."""
    unquantized = convert_float32(model)
    round_depthwise(model)
    return quantize(model, representative), unquantized


def _check_labels(model: keras.Model, task: Task, run: Path) -> None:
    """Raises EmotiondError if a run was trained for other labels than those of the data."""
    answered = model.output_shape[-1]
    if answered != len(task.labels):
        raise EmotiondError(
            f"{run}: trained for {answered} labels, but the data have {len(task.labels)} "
            f"({', '.join(task.labels)}); give the --data and --map that `train` got"
        )


def check_finite(model: keras.Model) -> None:
    """Raises EmotiondError if a weight is infinite or not a number."""
    for layer in model.layers:
        if not all(np.isfinite(weights).all() for weights in layer.get_weights()):
            raise EmotiondError(
                f"the layer {layer.name} has weights that are not numbers: training diverged; "
                "train again with a lower learning rate"
            )


def calibrate(task: Task, pack: Pack, splits: Splits, start: Calibration | None = None) -> Manifest:
    """Returns the manifest with the calibration and held-back metrics of the int8 file.

    A model that started from a pack keeps that one's calibration, `start`, if too few samples are
    held back to tell a better one.
    """
    held_back = splits.held_back.labelled
    logits = pool_windows(predict_logits(pack.open(), task, held_back, pack.manifest.input))
    if start is not None and len(held_back) < ENOUGH:
        print(f"calibrated as the pack it started from: only {len(held_back)} samples held back")
        manifest = msgspec.structs.replace(pack.manifest, **msgspec.structs.asdict(start))
    else:
        manifest = _fitted(task, pack.manifest, splits, logits)
    answers = calibrated(logits, manifest)
    if task.multi_label:
        thresholds = fit_thresholds(answers, held_back, splits.schemes)
        manifest = msgspec.structs.replace(manifest, thresholds=thresholds)
    schemes = splits.held_back_as_test.schemes
    predictions = SplitPredictions(
        "int8", splits.dataset, HELD_BACK, held_back, answers, softmax(logits), schemes=schemes
    )
    each = (one.answerable(manifest) for one in predictions.families)
    metrics = tuple(metric for one in each for metric in one.metrics(manifest))
    return msgspec.structs.replace(manifest, metrics=metrics)


def _fitted(task: Task, manifest: Manifest, splits: Splits, logits: FloatArray) -> Manifest:
    """Returns the manifest with prior, familiarity and temperature fitted to held-back data."""
    held_back = splits.held_back.labelled
    # Confidence is the probability of agreeing with the majority of annotators; with several
    # labels a sample there is no majority, so the targets stay distributions.
    certain = np.eye(len(task.labels), dtype=np.float32)[held_back.majority]
    targets = held_back.targets if task.multi_label else certain
    weights = task.sample_weights(held_back)
    if task.balances_labels and splits.schemes:
        log_prior = _fit_prior(logits, splits, task)
        manifest = msgspec.structs.replace(manifest, log_prior=log_prior)
    if task.rates_familiarity:
        familiarity = fit_familiarity(logits, weights)
        manifest = msgspec.structs.replace(manifest, familiarity=familiarity)
    prior = np.array(manifest.log_prior or 0.0, np.float32)
    if task.balances_labels and splits.schemes:
        temperature = fit_temperature_across(logits + prior, held_back, splits.schemes)
    else:
        temperature = fit_temperature(logits + prior, targets)
    temperature = round(task.source_shift * temperature, 4)
    return msgspec.structs.replace(manifest, temperature=temperature)


def _equal_emotions(task: Task) -> FloatArray:
    """Returns what makes emotions equally likely where labels are: some share an emotion."""
    emotions = list(task.label_map.values())
    counts = [1 if one is None else emotions.count(one) for one in emotions]
    return np.log(1 / np.array(counts, np.float32))


def _fit_prior(logits: FloatArray, splits: Splits, task: Task) -> tuple[float, ...]:
    """Returns what to add to the logits: equal emotions, or what answers held-back data best."""
    equal = added = _equal_emotions(task)
    if task.fits_prior_across_sets or len(set(splits.train.groups)) == 1:
        added = equal + _best_prior(logits + equal, splits, task)
    shown = added.astype(float).round(2).tolist()
    print("added to the logits:", dict(zip(task.labels, shown, strict=True)))
    return tuple(round(float(one), 4) for one in added) if added.any() else ()


def _best_prior(logits: FloatArray, splits: Splits, task: Task) -> FloatArray:
    """Returns what to add to the logits so that they answer held-back data best.

    The label prior is the mean over the training samples' data sets, as often as training draws
    them.
    """
    priors = task.label_priors(splits)
    of_samples = [priors[dataset] for dataset in splits.train.groups]
    prior = np.average(of_samples, axis=0, weights=task.sample_weights(splits.train))
    log_prior = np.log(np.maximum(prior, LEAST_PRIOR)).astype(np.float32)
    neutral = np.array([emotion == "neutral" for emotion in task.label_map.values()], np.float32)
    held_back = splits.held_back.labelled
    weights = task.sample_weights(held_back)
    return fit_prior(logits, held_back, splits.schemes, log_prior, neutral, weights)
