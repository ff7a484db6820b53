"""From a finished training run to a model pack, and from a pack to its figures."""

import hashlib
from datetime import datetime, timezone
from pathlib import Path

import keras
import msgspec
import numpy as np

from converter.calibrate import fit_prior_correction, fit_temperature, fit_thresholds
from converter.evaluate import measure_logits, metrics, pool_windows
from converter.quantize import quantize, write_model
from converter.samples import HELD_BACK, Samples, Splits
from converter.tasks.base import Task
from converter.train import load_run
from edge import __version__
from edge.emotions import softmax
from edge.perception.classifier import Classifier
from edge.perception.interpreter import Interpreter
from edge.perception.pack import InputSpec, Manifest, Pack, load_pack, save_manifest

REPRESENTATIVE_SAMPLES = 400


def build_pack(task: Task, splits: Splits, run: Path, folder: Path, seed: int = 0) -> Path:
    """Quantizes a run into `folder`, calibrates the int8 file and writes its manifest.

    The representative samples are augmented training samples; temperature and thresholds come
    from the held-back ones. Gives the manifest's path.
    """
    model, spec = load_run(run)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(splits.train))[:REPRESENTATIVE_SAMPLES]
    representative = [
        task.features(task.augment(splits.train.inputs[index], rng), spec) for index in chosen
    ]
    quantized = quantize(model, representative)
    correction = 0.0
    if task.corrects_prior:
        correction = correct_prior(task, model, quantized, spec, splits)
        quantized = quantize(model, representative)
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
        prior_correction=correction,
        trained_on=(f"{splits.dataset} {splits.train_split}",),
        licence=splits.licence,
        created=datetime.now(timezone.utc).date().isoformat(),
        converter_version=__version__,
    )
    calibrated = calibrate(task, Pack(path, manifest, quantized), splits.held_back, splits.dataset)
    write_model(quantized, path)
    save_manifest(calibrated, path.with_suffix(".json"))
    return path.with_suffix(".json")


def correct_prior(
    task: Task, model: keras.Model, quantized: bytes, spec: InputSpec, splits: Splits
) -> float:
    """Moves the bias of the last layer, by a strength fitted to the int8 model on held-back data.

    Gives that strength.
    """
    interpreter = Interpreter(quantized, task.modality)
    windows = measure_logits(lambda one: interpreter.run(one)[0], task, splits.held_back, spec)
    logits = pool_windows(windows)
    prior = splits.train.targets.mean(axis=0)
    strength = fit_prior_correction(logits, splits.held_back.majority, prior)
    model.layers[-1].bias.assign_sub(strength * np.log(prior))
    return strength


def calibrate(task: Task, pack: Pack, held_back: Samples, dataset: str) -> Manifest:
    """The pack's manifest with temperature, thresholds and held-back figures of the int8 file.

    The temperature is fitted to single windows, as the device will see them.
    """
    windows = measure_logits(Classifier(pack).logits, task, held_back, pack.manifest.input)
    targets = np.repeat(held_back.targets, [len(one) for one in windows], axis=0)
    temperature = fit_temperature(np.concatenate(windows), targets)
    manifest = msgspec.structs.replace(pack.manifest, temperature=temperature)
    logits = pool_windows(windows)
    if task.multi_label:
        probabilities = softmax(logits, manifest.temperature)
        thresholds = fit_thresholds(probabilities, held_back.targets > 0, manifest.labels)
        manifest = msgspec.structs.replace(manifest, thresholds=thresholds)
    figures = metrics(logits, held_back, manifest, dataset, HELD_BACK)
    return msgspec.structs.replace(manifest, metrics=figures)


def evaluate_pack(task: Task, splits: Splits, manifest_path: Path) -> Manifest:
    """Measures a pack on the test split and writes the figures into its manifest."""
    pack = load_pack(manifest_path)
    logits = pool_windows(
        measure_logits(Classifier(pack).logits, task, splits.test, pack.manifest.input)
    )
    figures = metrics(logits, splits.test, pack.manifest, splits.dataset, splits.test_split)
    kept = tuple(metric for metric in pack.manifest.metrics if metric.split == HELD_BACK)
    manifest = msgspec.structs.replace(pack.manifest, metrics=kept + figures)
    save_manifest(manifest, manifest_path)
    return manifest
