"""The commands of `emotion-convert`.

The rest of the converter is slow to import, so each command imports only what it needs.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from converter.options import TRAININGS, Training
from edge.errors import EmotiondError
from edge.fusion.model import write_fusion
from edge.perception.manifest import Manifest, SoundInput, save_manifest
from edge.perception.pack import load_pack
from edge.values import MODALITIES

if TYPE_CHECKING:
    from converter.measuring.report import Evaluation
    from converter.tasks.base import Task
    from edge.fusion.model import FusionFile


def train(arguments: argparse.Namespace) -> None:
    """Trains a network; the result is a run."""
    from converter import steps

    task = _task(arguments)
    options = _training(arguments)
    splits = task.load(arguments.data)
    print(splits.summary())
    print("wrote", steps.train(task, splits, arguments.run, options, arguments.resume))


def _task(arguments: argparse.Namespace) -> "Task":
    """Returns the modality's task with the options given for it."""
    from converter.steps import make_task

    return make_task(arguments.modality, vars(arguments))


def _training(arguments: argparse.Namespace) -> Training:
    """Returns the options of a training as they were given; raises EmotiondError."""
    kind = TRAININGS[arguments.modality]
    given = {name: value for name, value in vars(arguments).items() if value not in (None, [], "")}
    known = {one.name: one.encode_name for one in msgspec.structs.fields(kind)}
    own = {one.name for each in TRAININGS.values() for one in msgspec.structs.fields(each)}
    if odd := [name for name in given if name in own and name not in known]:
        raise EmotiondError(f"--{odd[0].replace('_', '-')} does not apply to {arguments.modality}")
    values = {known[name]: value for name, value in given.items() if name in known}
    return msgspec.convert(msgspec.to_builtins(values, enc_hook=str), kind)


def quantize(arguments: argparse.Namespace) -> None:
    """Builds a pack from a run."""
    from converter.packing.build import build_pack

    task = _task(arguments)
    splits = task.load(arguments.data)
    print("wrote", build_pack(task, splits, arguments.run, arguments.models, arguments.seed))


def make(arguments: argparse.Namespace) -> None:
    """Runs a recipe; the result is a pack, or fusion.json."""
    from converter.measuring.figures import headlines
    from converter.packing.usage import usage
    from converter.recipes.choose import make_by_recipe

    made = make_by_recipe(arguments)
    print("wrote", made)
    if arguments.modality in MODALITIES:
        print(*headlines(load_pack(made).manifest), sep="\n")
        print(usage(arguments.modality, made))


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
    from converter.steps import schedule_with
    from converter.tasks.speech import SpeechTask
    from converter.training.runs import Plan

    task = SpeechTask(folds=arguments.folds, coefficients=arguments.coefficients)
    manifest_path = arguments.models / "speech.json"
    load_pack(manifest_path)  # before the long work, for it gets the figures
    sets = task.recordings(arguments.data)
    plan = Plan(schedule_with(task.schedule, arguments), arguments.seed)
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
    from converter import steps

    task = _task(arguments)
    pack = load_pack(arguments.models / f"{arguments.modality}.json")
    left_out = [steps.read_left_out(one, arguments.modality) for one in arguments.left_out]
    task.know_labels(pack.manifest.label_map)
    splits = task.load(arguments.data)
    by_folds = None
    if arguments.folds is not None:
        by_folds = _measured_by_folds(arguments, pack.manifest)
    places = steps.Places(arguments.run, arguments.models, arguments.out)
    print("wrote", steps.report(task, splits, places, left_out, by_folds))


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
    from converter import steps

    data = {modality: getattr(arguments, modality) for modality in MODALITIES}
    sources = steps.FusionSources(data, arguments.people, arguments.people_models)
    content = steps.fuse(sources, arguments.models, arguments.out)
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
