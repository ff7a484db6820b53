"""The commands of `emotion-convert`.

The rest of the converter is slow to import, so each command imports only what it needs.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge.errors import EmotiondError
from edge.perception.manifest import Manifest, SoundInput, save_manifest
from edge.perception.pack import load_pack
from edge.values import MODALITIES

if TYPE_CHECKING:
    from converter.fusion.simulated_pairs import Predictions
    from converter.measuring.report import Evaluation
    from converter.tasks.base import Schedule, Task
    from edge.fusion.model import FusionFile

TASK_OPTIONS = ("side", "width", "size", "coefficients", "only", "map")
SCHEDULE_OPTIONS = ("epochs", "batch_size", "learning_rate", "patience")


def train(arguments: argparse.Namespace) -> None:
    """Trains a network; the result is a run."""
    from converter.training.runs import Plan
    from converter.training.train import train as train_network

    task = _task(arguments)
    if arguments.encoder is not None and arguments.modality != "text":
        raise EmotiondError(f"--encoder does not apply to {arguments.modality}")
    distils = arguments.modality == "text" and bool(arguments.teacher)
    if arguments.head_weights and not distils:
        raise EmotiondError("--head-weights needs a text model and its --teacher")
    splits = task.load(arguments.data)
    print(splits.summary())
    options = (arguments.seed, arguments.resume, arguments.weights, arguments.teacher)
    if arguments.encoder is not None:
        from converter.training import fine_tune

        plan = Plan(_schedule(fine_tune.SCHEDULE, arguments), *options)
        written = fine_tune.fine_tune(arguments.encoder, splits, arguments.run, plan)
    elif distils:
        from converter.training import student
        from converter.training.text import train_with_teacher

        plan = Plan(_schedule(student.SCHEDULE, arguments), *options)
        weights = arguments.head_weights or ()
        written = train_with_teacher(task, splits, arguments.run, plan, weights)
    else:
        plan = Plan(_schedule(task.schedule, arguments), *options)
        written = train_network(task, splits, arguments.run, plan)
    print("wrote", written)


def _task(arguments: argparse.Namespace) -> "Task":
    """Returns the modality's task with the options given for it."""
    from converter.tasks.registry import TASKS

    given = {key: value for key, value in vars(arguments).items() if value is not None}
    of_task = {key: given[key] for key in TASK_OPTIONS if key in given}
    try:
        return TASKS[arguments.modality](**of_task)
    except TypeError as error:
        verb = "does not" if len(of_task) == 1 else "do not all"
        raise EmotiondError(f"{_flags(of_task)} {verb} apply to {arguments.modality}") from error


def _flags(options: Iterable[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in options)


def _schedule(own: "Schedule", arguments: argparse.Namespace) -> "Schedule":
    """Returns a schedule, changed by the options given."""
    options = {key: getattr(arguments, key, None) for key in SCHEDULE_OPTIONS}
    given = {key: value for key, value in options.items() if value is not None}
    return msgspec.structs.replace(own, **given)


def quantize(arguments: argparse.Namespace) -> None:
    """Builds a pack from a run."""
    from converter.packing.build import build_pack

    task = _task(arguments)
    splits = task.load(arguments.data)
    print("wrote", build_pack(task, splits, arguments.run, arguments.models, arguments.seed))


def checks(arguments: argparse.Namespace) -> None:
    """Chooses the check samples of packs again and writes them into the manifests."""
    from converter.packing.check_samples import choose_checks

    for path in arguments.manifest:
        pack = load_pack(path)
        chosen = choose_checks(pack)
        save_manifest(msgspec.structs.replace(pack.manifest, checks=chosen), path)
        print(f"{path}: {len(chosen)} check samples")


def new_key(arguments: argparse.Namespace) -> None:
    """Makes a pair of keys to sign bundles with."""
    import getpass

    from converter.packing.signing import new_key

    passphrase = getpass.getpass("passphrase of the new key: ") if arguments.passphrase else ""
    private, public = new_key(arguments.name, passphrase)
    print(f"{private}: keep it secret, away from the devices")
    print(f"{public}: copy it to /etc/emotiond/keys of every device")


def sign(arguments: argparse.Namespace) -> None:
    """Signs packs as a bundle, and prints the message that makes devices install it."""
    from converter.packing.signing import sign_bundle

    target, sha256 = sign_bundle(
        arguments.manifest, arguments.version, arguments.key, arguments.out
    )
    print(f"{target}: signed")
    print(f'set/models: {{"version": "{arguments.version}", "sha256": "{sha256}"}}')


def evaluate(arguments: argparse.Namespace) -> None:
    """Measures a pack on a test split and prints the figures; writes them only if asked to."""
    from converter.measuring.evaluate import add_metrics, metrics_of, predict_strange
    from converter.measuring.figures import print_figures
    from converter.measuring.origin import describe_origin

    task = _task(arguments)
    manifest_path = arguments.models / f"{arguments.modality}.json"
    pack = load_pack(manifest_path)
    task.know_labels(pack.manifest.label_map)
    splits = task.load_all(arguments.data) if arguments.all else task.load(arguments.data)
    print(splits.summary())
    predictions = predict_strange(task, splits, pack, arguments.run)
    print_figures(predictions, pack.manifest, _print_table)
    print(describe_origin(splits, pack, arguments.run))
    if arguments.save:
        add_metrics(pack.manifest, metrics_of(predictions, pack.manifest), manifest_path)
        print("wrote", manifest_path)


def folds(arguments: argparse.Namespace) -> None:
    """Trains and measures by folds, into the manifest of the speech pack."""
    from converter.cross_validation import load_folds, run_folds
    from converter.measuring.evaluate import add_metrics
    from converter.tasks.speech import SpeechTask
    from converter.training.runs import Plan

    task = SpeechTask(folds=arguments.folds, coefficients=arguments.coefficients)
    manifest_path = arguments.models / "speech.json"
    load_pack(manifest_path)  # before the long work, for it gets the figures
    sets = task.recordings(arguments.data)
    plan = Plan(_schedule(task.schedule, arguments), arguments.seed)
    run_folds(task, sets, arguments.run, plan, arguments.by)
    manifest = load_pack(manifest_path).manifest
    found = load_folds(sets, arguments.run)
    metrics = [metric for variants in found for one in variants for metric in one.metrics(manifest)]
    if difference := _input_difference(manifest, task.coefficients):
        print(f"{manifest_path} keeps its own figures: {difference}")
        _print_metrics(msgspec.structs.replace(manifest, metrics=tuple(metrics)))
    else:
        _print_metrics(add_metrics(manifest, metrics, manifest_path))


def _input_difference(manifest: Manifest, coefficients: str) -> str:
    """Describes the difference of the pack's input from that of folds; empty if there is none."""
    assert isinstance(manifest.input, SoundInput)
    own = manifest.input.coefficients
    return f"its input is {own}, that of the folds {coefficients}" if own != coefficients else ""


def report(arguments: argparse.Namespace) -> None:
    """Writes the page on a pack; without a test split, on its held-back samples."""
    from converter.measuring.evaluate import predict_all
    from converter.measuring.report import Evaluation, write_report

    task = _task(arguments)
    pack = load_pack(arguments.models / f"{arguments.modality}.json")
    task.know_labels(pack.manifest.label_map)
    left_out = [_left_out(folder, arguments.modality) for folder in arguments.left_out]
    splits = task.load(arguments.data)
    if not splits.test_split:
        splits = splits.held_back_as_test
    if arguments.folds is None:
        predictions = predict_all(task, splits, pack, arguments.run)
        first = [one for one in predictions if one.dataset == predictions[0].dataset]
        others = [one.metrics(pack.manifest) for one in predictions if one not in first]
        evaluation = Evaluation(first, others)
    else:
        evaluation = _measured_by_folds(arguments, pack.manifest)
    evaluation = replace(evaluation, left_out=left_out)
    page = write_report(task, splits, evaluation, pack, arguments.run, arguments.out)
    print("wrote", page)


def _left_out(folder: Path, modality: str) -> Manifest:
    """Reads the manifest of a pack that was measured on a source it was trained without."""
    from converter.datasets.splits import WHOLE_SET

    path = folder / f"{modality}.json"
    manifest = load_pack(path).manifest
    if all(one.split != WHOLE_SET for one in manifest.metrics):
        raise EmotiondError(
            f"{path}: not measured on a source that was left out; run `emotion-convert evaluate "
            f"{modality} --all --save --models {folder} --data …` with that source first"
        )
    return manifest


def _measured_by_folds(arguments: argparse.Namespace, manifest: Manifest) -> "Evaluation":
    from converter.cross_validation import load_folds, read_fold_settings
    from converter.measuring.report import Evaluation
    from converter.tasks.speech import SpeechTask

    if difference := _input_difference(manifest, read_fold_settings(arguments.folds).coefficients):
        raise EmotiondError(
            f"the folds in {arguments.folds} do not fit {manifest.file}: {difference}"
        )
    sets = SpeechTask().recordings(arguments.data)
    first, *others = load_folds(sets, arguments.folds)
    return Evaluation(
        [one.pooled for one in first],
        [one.metrics(manifest) for variants in others for one in variants],
        [one.metrics(manifest) for one in first],
        cross_validated=True,
    )


def import_model(arguments: argparse.Namespace) -> None:
    """Makes a pack of a model from elsewhere, and prints its figures beside the original's."""
    from converter.importing.build import Request
    from converter.importing.build import import_model as import_request
    from converter.importing.report import print_import

    found = import_request(
        Request(
            model=arguments.model,
            modality=arguments.modality,
            labels=arguments.labels,
            label_map=arguments.map,
            data=arguments.data,
            input=arguments.input,
            folder=arguments.models,
            name=arguments.name,
            licence=arguments.licence,
            seed=arguments.seed,
        )
    )
    print_import(found, _print_table)


def fuse(arguments: argparse.Namespace) -> None:
    """Learns fusion.json from the packs' predictions for held-back data and for people."""
    from converter.fusion.figures import answer_people, measure_by_halves
    from converter.fusion.learn import fusion_file, learn_fusion
    from converter.fusion.people import predict_people
    from converter.fusion.report import write_fusion_report
    from converter.fusion.simulated_pairs import predict_held_back
    from converter.tasks.registry import TASKS
    from edge.fusion.model import write_fusion

    people = None
    if arguments.people:
        people = predict_people(arguments.people, arguments.people_models or arguments.models)
    sets: list[Predictions] = []
    halves: list[list[Predictions]] = [[], []]
    hashes = {}
    for modality in MODALITIES:
        task, pack = TASKS[modality](), load_pack(arguments.models / f"{modality}.json")
        splits = task.load(getattr(arguments, modality))
        predictions = predict_held_back(task, splits, pack)
        hashes[modality] = pack.manifest.sha256
        for part, taken in enumerate(halves):
            taken.append(predictions.part(np.arange(part, len(predictions.truth), 2)))
        # A modality without a test split is tested on the other half.
        sets.append(predictions if splits.test_split else halves[0][-1])
    figures = measure_by_halves(halves, people)
    if people is not None:
        answers = answer_people(people, sets)
        figures += answers.figures
        print("wrote", write_fusion_report(answers, arguments.out))
    content = fusion_file(learn_fusion(sets, people), hashes, figures)
    write_fusion(content, arguments.models / "fusion.json")
    _print_figures(content)
    print("wrote", arguments.models / "fusion.json")


def _print_figures(content: "FusionFile") -> None:
    rows = [(f.strategy, f.pairs, f.metric, f"{f.value:.4f}", str(f.n)) for f in content.figures]
    headings = ("strategy", "pairs", "metric", "value", "n")
    _print_table("people left out, and simulated pairs of held-back samples", headings, rows)


def _print_metrics(manifest: Manifest) -> None:
    rows = [
        (m.dataset, m.split, m.metric, f"{m.value:.4f}", str(m.n), m.of) for m in manifest.metrics
    ]
    headings = ("data", "split", "metric", "value", "n", "of")
    _print_table(f"{manifest.name} {manifest.version}, {manifest.file}", headings, rows)


def _print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("value", "n") else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
