"""`emotion-convert …`: trains, quantizes and measures the models, on a workstation."""

import argparse
import sys
from pathlib import Path

import msgspec

from edge.errors import EmotiondError
from edge.perception.pack import Manifest, load_pack

RUNS = Path("runs")
MODELS = Path("models")


def _train(arguments: argparse.Namespace) -> None:
    from converter.tasks import TASKS
    from converter.train import train

    task = TASKS[arguments.modality]()
    splits = task.load(arguments.data)
    print(splits.summary())
    changes = {"epochs": arguments.epochs, "batch_size": arguments.batch_size}
    given = {key: value for key, value in changes.items() if value is not None}
    schedule = msgspec.structs.replace(task.schedule, **given)
    print("wrote", train(task, splits, arguments.run, schedule, arguments.seed))


def _quantize(arguments: argparse.Namespace) -> None:
    from converter.build import build_pack
    from converter.tasks import TASKS

    task = TASKS[arguments.modality]()
    splits = task.load(arguments.data)
    print("wrote", build_pack(task, splits, arguments.run, arguments.models, arguments.seed))


def _evaluate(arguments: argparse.Namespace) -> None:
    from converter.build import evaluate_pack
    from converter.tasks import TASKS

    task = TASKS[arguments.modality]()
    manifest = evaluate_pack(
        task, task.load(arguments.data), arguments.models / f"{arguments.modality}.json"
    )
    _print_metrics(manifest)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    about = {
        "train": (_train, "train a network on a data set; the result is a run"),
        "quantize": (_quantize, "turn a run into an int8 model pack, calibrated"),
        "evaluate": (_evaluate, "measure a pack on the test split, into its manifest"),
    }
    for name, (function, text) in about.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        command.add_argument("modality", choices=("face", "speech", "text"))
        command.add_argument(
            "--data", type=Path, required=True, help="the data set's folder or zip"
        )
        if name != "train":
            command.add_argument("--models", type=Path, default=MODELS, help="where packs are")
        if name != "evaluate":
            command.add_argument("--run", type=Path, help="training run (default: runs/MODALITY)")
            command.add_argument("--seed", type=int, default=0)
        if name == "train":
            own = "instead of the modality's own"
            command.add_argument("--epochs", type=_positive, help=own)
            command.add_argument("--batch-size", type=_positive, help=own)
    fuse = commands.add_parser("fuse", help="learn models/fusion.json from the packs")
    fuse.set_defaults(function=_fuse)
    fuse.add_argument("--models", type=Path, default=MODELS, help="where packs are")
    return parser


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
