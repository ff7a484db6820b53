"""Imports a model: from any format to an int8 pack, measured beside its original."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from converter.datasets.samples import Samples
from converter.importing.describe import describe
from converter.importing.features import features_of
from converter.importing.formats import read_model
from converter.importing.inputs import find_input
from converter.importing.labels import Labels, read_labels
from converter.importing.lite import is_int8, quantize_graph
from converter.importing.measure import Answer, Row, Windows, compare, lite, run
from converter.importing.network import Network, Output, fit, kind_of_output
from converter.importing.original import ModelImportError
from converter.importing.samples import UNKNOWN, ImportData, Inputs, load_data
from converter.importing.sentence import read_sentence
from converter.importing.sound_input import with_statistics
from converter.measuring.metrics import as_metrics, compute_metrics
from converter.packing.calibrate import ENOUGH, fit_familiarity, fit_temperature
from converter.packing.check_samples import choose_checks
from converter.packing.quantize import check_integer, shorten_names, write_model
from converter.tasks.registry import TASKS
from edge import __version__
from edge.emotions import FloatArray, softmax
from edge.errors import ModelError
from edge.perception.classifier import as_logits, calibrated
from edge.perception.manifest import InputSpec, Manifest, Metric, SoundInput, save_manifest
from edge.perception.pack import Pack, load_pack

IMPORTED = "imported from "
"""The start of the origin of an imported pack."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """All that a user gives."""

    model: Path
    modality: Literal["face", "speech", "text"]
    labels: str
    label_map: Sequence[str] = ()
    data: Sequence[Path] = ()
    input: str = ""
    folder: Path
    name: str = ""
    licence: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Imported:
    """What an import wrote and found."""

    manifest_path: Path
    manifest: Manifest
    rows: list[Row]
    measured: int
    """Number of samples that were measured."""
    notes: list[str]
    """Each thing that a user should know, in order."""


def import_model(request: Request) -> Imported:
    """Imports a model; raises EmotiondError that says what to do."""
    path = _target(request)
    labels = read_labels(request.labels, request.label_map)
    said = read_sentence(request.input, request.modality)
    original = read_model(request.model, said.size and (said.size[1], said.size[0]))
    spec, layout = find_input(original, request.modality, said)
    network = fit(original, layout, len(labels.names))
    data = load_data(request.modality, request.data, labels, request.seed)
    if isinstance(spec, SoundInput):
        spec = with_statistics(spec, data.representative.samples)
    fitting = features_of(request.modality, data.representative.samples, spec)
    output = kind_of_output(network, run(lite(network.model, str(original.path)), fitting))
    quantized = _quantized(network, fitting)
    manifest = _manifest(request, path, labels, spec, quantized, output)
    pack = Pack(path, manifest, quantized)
    pack = msgspec.structs.replace(pack, manifest=_calibrated(pack, data.representative, fitting))
    windows = features_of(request.modality, data.measured.samples, spec)
    logits = run(_logits(quantized, manifest), windows)
    rows = _compare(network, manifest, quantized, logits, data.measured, windows)
    metrics = _metrics(pack.manifest, data, logits, rows[-1].agreement)
    manifest = msgspec.structs.replace(pack.manifest, metrics=metrics)
    checks = choose_checks(msgspec.structs.replace(pack, manifest=manifest))
    manifest = msgspec.structs.replace(manifest, checks=checks)
    write_model(quantized, path)
    save_manifest(manifest, path.with_suffix(".json"))
    notes = [*describe(manifest, network, labels, request), *data.notes]
    return Imported(path.with_suffix(".json"), manifest, rows, len(data.measured), notes)


def _target(request: Request) -> Path:
    """Returns the path of the pack's model; raises ModelImportError rather than lose a pack."""
    name = request.name or re.sub(r"[^A-Za-z0-9._-]+", "-", request.model.stem).strip("-._")
    if not NAME.fullmatch(name) or name.startswith("detector-"):
        raise ModelImportError(
            f"--name {name!r}: use letters, digits and - . _ for a name that is not a detector's"
        )
    path = request.folder / f"{name}.tflite"
    if path.resolve() == request.model.resolve():
        raise ModelImportError(
            f"{path}: the pack would replace the model itself; give another --name"
        )
    manifest = path.with_suffix(".json")
    if manifest.exists():
        try:
            origin = load_pack(manifest).manifest.origin
        except ModelError:
            origin = ""
        if not origin.startswith(IMPORTED):
            raise ModelImportError(f"{manifest} is another pack; give another --name or --models")
    return path


def _quantized(network: Network, windows: Windows) -> bytes:
    model = network.model
    if not is_int8(model):
        representative = [one for sample in windows for one in sample]
        model = quantize_graph(network.original.path, model, representative)
    check_integer(model)
    return shorten_names(model)


def _manifest(
    request: Request,
    path: Path,
    labels: Labels,
    spec: InputSpec,
    quantized: bytes,
    output: Output,
) -> Manifest:
    return Manifest(
        name=path.stem,
        version="1",
        modality=request.modality,
        file=path.name,
        sha256=hashlib.sha256(quantized).hexdigest(),
        labels=labels.names,
        label_map=labels.label_map,
        input=spec,
        output=output,
        licence=request.licence or "not stated: that of its author, and of the data it learned",
        origin=IMPORTED + request.model.name,
        created=datetime.now(timezone.utc).date().isoformat(),
        converter_version=__version__,
    )


def _logits(model: bytes, manifest: Manifest) -> Answer:
    """Returns a TFLite model with the manifest's kind of output as a function to logits."""
    answer = lite(model, manifest.name)
    return lambda features: as_logits(answer(features), manifest)


def _calibrated(pack: Pack, inputs: Inputs, windows: Windows) -> Manifest:
    """Returns the manifest with what can be fitted to the data that set the scales."""
    manifest = pack.manifest
    logits = run(_logits(pack.model, manifest), windows)
    known = np.flatnonzero(inputs.truth != UNKNOWN)
    if len(known) < ENOUGH:
        return manifest
    targets = np.eye(len(manifest.labels), dtype=np.float32)[inputs.truth[known]]
    manifest = msgspec.structs.replace(
        manifest, temperature=fit_temperature(logits[known], targets)
    )
    if TASKS[manifest.modality].rates_familiarity:
        manifest = msgspec.structs.replace(manifest, familiarity=fit_familiarity(logits))
    return manifest


def _compare(
    network: Network,
    manifest: Manifest,
    quantized: bytes,
    logits: FloatArray,
    inputs: Inputs,
    windows: Windows,
) -> list[Row]:
    original = network.original
    wanted = run(lambda one: network.original_logits(one, manifest.output), windows)
    forms = [("int8 pack", quantized, logits)]
    if not is_int8(network.model):
        in_float = run(_logits(network.model, manifest), windows)
        forms.insert(0, ("float32 TFLite", network.model, in_float))
    return compare(forms, (original.kind, original.size_bytes, wanted), inputs)


def _metrics(
    manifest: Manifest, data: ImportData, logits: FloatArray, agreement: float
) -> tuple[Metric, ...]:
    """Returns the agreement with the original and, for labelled data, all that `evaluate` gives."""
    of_data = data.name or "made-up"
    split = f"{data.split}, as its original"
    metrics = as_metrics({"agreement": agreement}, of_data, split, len(data.measured))
    known = np.flatnonzero(data.measured.truth != UNKNOWN)
    if not len(known):
        return metrics
    targets = np.eye(len(manifest.labels), dtype=np.float32)[data.measured.truth[known]]
    samples = Samples(manifest.labels, [None] * len(known), targets, (of_data,) * len(known))
    answers, raw = calibrated(logits[known], manifest), softmax(logits[known])
    found = compute_metrics(answers, raw, samples, manifest)
    return metrics + as_metrics(found, of_data, data.split, len(known))
