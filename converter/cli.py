"""The command line `emotion-convert`: trains, quantizes and measures models on a workstation."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from converter import commands
from converter.arguments import (
    COEFFICIENTS,
    COEFFICIENTS_HELP,
    MODELS,
    add_data,
    add_fusion_data,
    add_map,
    add_models,
    add_run_options,
    add_schedule,
    add_seed,
    add_training_options,
    positive,
)
from edge.errors import EmotiondError
from edge.values import MODALITIES

RUNS = Path("runs")
REPORTS = Path("benchmarks/reports")

Command = Callable[[argparse.Namespace], None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-convert", description="train, quantize and measure models"
    )
    subparsers = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function: Command, text: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    train = add("train", commands.train, "train a network on data sets; the result is a run")
    add_run_options(train)
    add_seed(train)
    add_training_options(train)
    text = "turn a run into an int8 model pack, calibrated"
    quantize = add("quantize", commands.quantize, text)
    add_run_options(quantize)
    add_models(quantize)
    add_seed(quantize)
    text = "measure a pack on the test split"
    _add_evaluate_options(add("evaluate", commands.evaluate, text))
    text = "write a page of a pack's figures, with plots"
    _add_report_options(add("report", commands.report, text))
    text = "cross-validate by speaker: nobody is tested by a model that was trained on them"
    _add_folds_options(add("folds", commands.folds, text))
    text = "choose the check samples of packs again; `quantize` does so for new packs"
    checks = add("checks", commands.checks, text)
    checks.add_argument("manifest", type=Path, nargs="+", help="NAME.json of a pack")
    text = "make a pair of keys, NAME.key and NAME.pem, to sign bundles with"
    key = add("new-key", commands.new_key, text)
    key.add_argument("name", type=Path, help="path of the two files, without suffix")
    key.add_argument("--passphrase", action="store_true", help="ask for one to encrypt the key")
    _add_sign_options(add("sign", commands.sign, "sign packs as a bundle for `emotiond models`"))
    text = "make a pack of a model from elsewhere: Keras, SavedModel, ONNX or TFLite"
    _add_import_options(add("import", commands.import_model, text))
    text = "run a recipe: every step from data to pack, without those that are done"
    _add_make_options(add("make", commands.make, text))
    _add_fuse_options(add("fuse", commands.fuse, "learn models/fusion.json from the packs"))
    return parser


def _add_sign_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "manifest", type=Path, nargs="+", help="NAME.json of a pack, or a fusion file"
    )
    command.add_argument("--version", required=True, help="of the bundle, such as 1.2.0")
    command.add_argument("--key", type=Path, required=True, help="NAME.key of `new-key`")
    command.add_argument("--out", type=Path, default=Path(), help="folder of the bundle")


def _add_evaluate_options(command: argparse.ArgumentParser) -> None:
    add_run_options(command)
    add_models(command)
    command.add_argument(
        "--all",
        action="store_true",
        help="measure on all samples, for data that the model was not trained on",
    )
    command.add_argument(
        "--save", action="store_true", help="write the figures into the manifest of the pack"
    )


def _add_report_options(command: argparse.ArgumentParser) -> None:
    add_run_options(command)
    add_models(command)
    command.add_argument("--out", type=Path, default=REPORTS, help="folder of the page")
    command.add_argument(
        "--folds", type=Path, help="speech: report on these folds, a --run of `folds`"
    )
    command.add_argument(
        "--left-out",
        type=Path,
        action="append",
        default=[],
        help="folder of a pack that was trained without a source, and evaluated on it with --all; "
        "repeatable",
    )


def _add_folds_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("modality", choices=("speech",))
    add_data(command)
    command.add_argument("--folds", type=positive, default=9, help="number of folds")
    command.add_argument(
        "--by",
        choices=("speaker", "set"),
        default="speaker",
        help="what is tested by a model that never met it: the speakers or the data sets of a fold",
    )
    command.add_argument(
        "--run", type=Path, default=RUNS / "speech_folds", help="folder of the trainings"
    )
    command.add_argument(
        "--models", type=Path, default=MODELS, help="folder of the pack that gets the figures"
    )
    add_seed(command)
    command.add_argument(
        "--coefficients", choices=COEFFICIENTS, default="log_mel", help=COEFFICIENTS_HELP
    )
    add_schedule(command)


def _add_import_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", type=Path, help=".keras, .h5, .onnx or .tflite file, or folder of a SavedModel"
    )
    command.add_argument("--modality", choices=MODALITIES, required=True)
    command.add_argument(
        "--labels",
        required=True,
        help="labels in the order of the model's output, with commas, or a file with one a line",
    )
    command.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="LABEL=EMOTION",
        help="emotion of the seven that a label means, or `none`; repeatable",
    )
    command.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        help="samples in folders named after the labels, or a published data set, to quantize "
        "and measure with; repeatable (default: made-up samples)",
    )
    command.add_argument(
        "--input",
        default="",
        help='what the model takes, where its file does not say it: "96x96 rgb 0..1"',
    )
    add_models(command)
    command.add_argument("--name", default="", help="name of the pack (default: the file's)")
    command.add_argument("--licence", default="", help="licence of the model")
    add_seed(command)


def _add_make_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("modality", choices=(*MODALITIES, "fusion"))
    command.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        help="folder or zip of a data set; repeatable",
    )
    add_map(command)
    command.add_argument(
        "--recipe",
        help="file of a recipe, or the name of one that ships (default: that of the modality, or "
        "the one for data of your own)",
    )
    command.add_argument(
        "--output", type=Path, help="folder of runs, pack and page (default: made/MODALITY)"
    )
    add_fusion_data(command, required=False)
    add_models(command)


def _add_fuse_options(command: argparse.ArgumentParser) -> None:
    add_fusion_data(command, required=True)
    command.add_argument("--out", type=Path, default=REPORTS, help="folder of the page on people")
    add_models(command)


def main() -> int:
    """Runs `emotion-convert`; returns the exit code."""
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
