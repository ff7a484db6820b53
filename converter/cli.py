"""`emotion-convert …`: trains, quantizes and measures the models, on a workstation."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from converter import commands
from edge.errors import EmotiondError
from edge.perception.manifest import Coefficients
from edge.values import MODALITIES

RUNS = Path("runs")
MODELS = Path("models")
REPORTS = Path("benchmarks/reports")
COEFFICIENTS = get_args(Coefficients)
SEES = "what the network sees of a frame of sound"


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


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of 0 or more")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-convert", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    about = {
        "train": (commands.train, "train a network on a data set; the result is a run"),
        "quantize": (commands.quantize, "turn a run into an int8 model pack, calibrated"),
        "evaluate": (commands.evaluate, "measure a pack on the test split, into its manifest"),
        "report": (commands.report, "describe a pack's figures on one page, with plots"),
    }
    for name, (function, text) in about.items():
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        command.add_argument("modality", choices=MODALITIES)
        _add_data(command)
        command.add_argument(
            "--only",
            action="append",
            help="text: of what --data has, the set so called; repeatable",
        )
        command.add_argument(
            "--aside",
            action="append",
            help="text: a set that a teacher learned from and its pupil does not; repeatable",
        )
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
    folds = subparsers.add_parser("folds", help=text, description=text)
    folds.set_defaults(function=commands.folds)
    folds.add_argument("modality", choices=("speech",))
    _add_data(folds)
    folds.add_argument("--folds", type=_positive, default=9, help="how many, at least 3")
    folds.add_argument("--run", type=Path, default=RUNS / "speech_folds", help="where they go")
    folds.add_argument("--models", type=Path, default=MODELS, help="whose pack gets the figures")
    folds.add_argument("--seed", type=int, default=0)
    folds.add_argument("--coefficients", choices=COEFFICIENTS, default="log_mel", help=SEES)
    _add_schedule(folds)
    text = "choose what a device checks packs by; quantize does so for those that it makes"
    checks = subparsers.add_parser("checks", help=text, description=text)
    checks.set_defaults(function=commands.checks)
    checks.add_argument("manifest", type=Path, nargs="+", help="NAME.json of a pack")
    average = subparsers.add_parser("average", help="make one run of several that began alike")
    average.set_defaults(function=commands.average)
    average.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a finished run")
    average.add_argument("--run", type=Path, required=True, help="the run that is made")
    fuse = subparsers.add_parser("fuse", help="learn models/fusion.json from the packs")
    fuse.set_defaults(function=commands.fuse)
    for modality in MODALITIES:
        fuse.add_argument(
            f"--{modality}",
            type=Path,
            required=True,
            action="append",
            metavar="DATA",
            help=f"data that the {modality} model was made with; repeatable",
        )
    fuse.add_argument("--models", type=Path, default=MODELS, help="where packs are")
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        help="the data set's folder or zip; repeatable for speech and text",
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
        "--weights",
        type=Path,
        help="begin from a .keras file, torchvision's MobileNetV2 (.pth), or a text pack (.tflite)",
    )
    command.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        help="a run to learn from; repeatable (text: the first that knows a data set teaches it)",
    )
    command.add_argument(
        "--head-weights",
        type=_not_negative,
        nargs="+",
        action="append",
        help="text: how much each head of a teacher counts, one for each family of its data, in "
        "the order of that; once for each --teacher",
    )
    command.add_argument(
        "--variations",
        type=_positive,
        help="text: variations of texts that a teacher is asked about, shared among its data sets",
    )
    command.add_argument(
        "--untaught",
        action="append",
        help="text: a set that no --teacher is asked about; repeatable",
    )
    command.add_argument("--side", type=_positive, help="face: pixels of the input's side")
    command.add_argument("--width", type=_above_zero, help="face: factor of all channel counts")
    command.add_argument("--coefficients", choices=COEFFICIENTS, help=f"speech: {SEES}")
    command.add_argument("--size", choices=("small", "large"), help="face: depth of the network")
    command.add_argument(
        "--encoder",
        type=Path,
        help="text: teach this sentence encoder (a folder as Hugging Face publishes them) instead, "
        "to be a --teacher",
    )


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
