"""`emotion-convert …`: trains, quantizes and measures the models, on a workstation."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.errors import EmotiondError
from edge.perception.pack import Manifest, load_pack

if TYPE_CHECKING:  # the rest of the converter is heavy, and loaded by the command that needs it
    from converter.report import Measured
    from converter.tasks.base import Schedule, Task

RUNS = Path("runs")
MODELS = Path("models")
REPORTS = Path("benchmarks/reports")
NETWORK_OPTIONS = ("side", "width", "size")
SCHEDULE_OPTIONS = ("epochs", "batch_size", "learning_rate", "patience")


def _train(arguments: argparse.Namespace) -> None:
    from converter.tasks import TASKS
    from converter.train import Plan, train

    given = {key: value for key, value in vars(arguments).items() if value is not None}
    of_network = {key: given[key] for key in NETWORK_OPTIONS if key in given}
    try:
        task = TASKS[arguments.modality](**of_network)
    except TypeError as error:
        names = ", ".join(f"--{name}" for name in of_network)
        raise EmotiondError(f"the {arguments.modality} network has no {names}") from error
    splits = task.load(arguments.data)
    print(splits.summary())
    plan = Plan(
        _schedule(task, arguments),
        arguments.seed,
        arguments.resume,
        arguments.weights,
        arguments.teacher,
    )
    print("wrote", train(task, splits, arguments.run, plan))


def _schedule(task: "Task", arguments: argparse.Namespace) -> "Schedule":
    """The task's own schedule, changed by the options that are given."""
    options = {key: getattr(arguments, key, None) for key in SCHEDULE_OPTIONS}
    given = {key: value for key, value in options.items() if value is not None}
    return msgspec.structs.replace(task.schedule, **given)


def _quantize(arguments: argparse.Namespace) -> None:
    from converter.build import build_pack
    from converter.tasks import TASKS

    task = TASKS[arguments.modality]()
    splits = task.load(arguments.data)
    print("wrote", build_pack(task, splits, arguments.run, arguments.models, arguments.seed))


def _evaluate(arguments: argparse.Namespace) -> None:
    from converter.evaluate import evaluate_pack
    from converter.tasks import TASKS

    task = TASKS[arguments.modality]()
    manifest_path = arguments.models / f"{arguments.modality}.json"
    splits = task.load(arguments.data)
    splits = splits.whole if arguments.all else splits
    _print_metrics(evaluate_pack(task, splits, manifest_path, arguments.run))


def _folds(arguments: argparse.Namespace) -> None:
    from converter.evaluate import add_metrics
    from converter.folds import load_folds, run_folds
    from converter.tasks.speech import SpeechTask
    from converter.train import Plan

    task = SpeechTask(folds=arguments.folds)
    sets = task.recordings(arguments.data)
    run_folds(task, sets, arguments.run, Plan(_schedule(task, arguments), arguments.seed))
    manifest_path = arguments.models / "speech.json"
    pack = load_pack(manifest_path)
    found = load_folds(sets, task.folds, arguments.run)
    metrics = [m for forms in found.values() for one in forms for m in one.metrics(pack.manifest)]
    _print_metrics(add_metrics(pack.manifest, metrics, manifest_path))


def _report(arguments: argparse.Namespace) -> None:
    from converter.evaluate import ask_all
    from converter.report import Measured, write_report
    from converter.tasks import TASKS

    task = TASKS[arguments.modality]()
    pack = load_pack(arguments.models / f"{arguments.modality}.json")
    splits = task.load(arguments.data)
    if arguments.folds is None:
        measured = Measured(ask_all(task, splits, pack, arguments.run))
    else:
        measured = _measured_by_folds(arguments, pack.manifest)
    page = write_report(task, splits, measured, pack, arguments.run, arguments.out)
    print("wrote", page)


def _measured_by_folds(arguments: argparse.Namespace, manifest: Manifest) -> "Measured":
    from converter.folds import count_folds, load_folds
    from converter.report import Measured
    from converter.tasks.speech import SpeechTask

    sets = SpeechTask().recordings(arguments.data)
    first, *others = load_folds(sets, count_folds(arguments.folds), arguments.folds).values()
    return Measured(
        [one.whole for one in first],
        [one.metrics(manifest) for forms in others for one in forms],
        [one.metrics(manifest) for one in first],
        of_folds=True,
    )


def _fuse(arguments: argparse.Namespace) -> None:
    from converter.fuse import write_fusion

    packs = [load_pack(arguments.models / f"{name}.json") for name in ("face", "speech", "text")]
    write_fusion([pack.manifest for pack in packs], arguments.models / "fusion.json")
    print("wrote", arguments.models / "fusion.json")


def _print_metrics(manifest: Manifest) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{manifest.name} {manifest.version}, {manifest.file}")
    for heading in ("data", "split", "metric", "value", "n", "of"):
        table.add_column(heading, justify="right" if heading in ("value", "n") else "left")
    for m in manifest.metrics:
        table.add_row(m.dataset, m.split, m.metric, f"{m.value:.4f}", str(m.n), m.of)
    Console().print(table)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    about = {
        "train": (_train, "train a network on a data set; the result is a run"),
        "quantize": (_quantize, "turn a run into an int8 model pack, calibrated"),
        "evaluate": (_evaluate, "measure a pack on the test split, into its manifest"),
        "report": (_report, "describe a pack's figures on one page, with plots"),
    }
    for name, (function, text) in about.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        command.add_argument("modality", choices=("face", "speech", "text"))
        _add_data(command)
        if name != "train":
            command.add_argument("--models", type=Path, default=MODELS, help="where packs are")
        command.add_argument("--run", type=Path, help="training run (default: runs/MODALITY)")
        if name in ("train", "quantize"):
            command.add_argument("--seed", type=int, default=0)
        if name == "evaluate":
            command.add_argument(
                "--all",
                action="store_true",
                help="measure on all of it: the model knows none of it",
            )
        if name == "report":
            command.add_argument("--out", type=Path, default=REPORTS, help="where the page goes")
            command.add_argument("--folds", type=Path, help="speech: figures of these folds")
        if name == "train":
            _add_training_options(command)
    text = "train and measure by folds, so that nobody is tested by a model that knows them"
    folds = commands.add_parser("folds", help=text, description=text)
    folds.set_defaults(function=_folds)
    folds.add_argument("modality", choices=("speech",))
    _add_data(folds)
    folds.add_argument("--folds", type=_positive, default=9, help="how many, at least 3")
    folds.add_argument("--run", type=Path, default=RUNS / "speech_folds", help="where they go")
    folds.add_argument("--models", type=Path, default=MODELS, help="whose pack gets the figures")
    folds.add_argument("--seed", type=int, default=0)
    _add_schedule(folds)
    fuse = commands.add_parser("fuse", help="learn models/fusion.json from the packs")
    fuse.set_defaults(function=_fuse)
    fuse.add_argument("--models", type=Path, default=MODELS, help="where packs are")
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        help="the data set's folder or zip; repeatable for speech",
    )


def _add_schedule(command: argparse.ArgumentParser) -> None:
    own = "instead of the modality's own"
    command.add_argument("--epochs", type=_positive, help=own)
    command.add_argument("--batch-size", type=_positive, help=own)
    command.add_argument("--learning-rate", type=_above_zero, help=f"{own}: the highest")
    command.add_argument("--patience", type=_positive, help=f"{own}: epochs without gain")


def _add_training_options(command: argparse.ArgumentParser) -> None:
    _add_schedule(command)
    command.add_argument("--resume", action="store_true", help="go on after the last whole epoch")
    command.add_argument(
        "--weights", type=Path, help="begin from a .keras file, or torchvision's MobileNetV2 (.pth)"
    )
    command.add_argument(
        "--teacher", type=Path, action="append", default=[], help="a run to learn from; repeatable"
    )
    command.add_argument("--side", type=_positive, help="face: pixels of the input's side")
    command.add_argument("--width", type=_above_zero, help="face: factor of all channel counts")
    command.add_argument("--size", choices=("small", "large"), help="face: depth of the network")


def main() -> int:
    """Entry point of `emotion-convert`; gives the exit code."""
    arguments = _parser().parse_args()
    if getattr(arguments, "run", RUNS) is None:
        arguments.run = RUNS / arguments.modality
    try:
        arguments.function(arguments)
    except EmotiondError as error:
        print(f"emotion-convert: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"emotion-convert: {error.name} is missing; install `emotiond[converter]`",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
