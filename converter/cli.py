"""The command line `emotion-convert`: trains, quantizes and measures models on a workstation."""

import argparse
import sys
from collections.abc import Callable
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
COEFFICIENTS_HELP = "the network's features of a frame of sound"

Command = Callable[[argparse.Namespace], None]


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
    parser = argparse.ArgumentParser(
        prog="emotion-convert", description="train, quantize and measure models"
    )
    subparsers = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function: Command, text: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    train = add("train", commands.train, "train a network on data sets; the result is a run")
    _add_run_options(train)
    _add_seed(train)
    _add_training_options(train)
    text = "turn a run into an int8 model pack, calibrated"
    quantize = add("quantize", commands.quantize, text)
    _add_run_options(quantize)
    _add_models(quantize)
    _add_seed(quantize)
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


def _add_run_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the commands on a modality, its data and a run."""
    command.add_argument("modality", choices=MODALITIES)
    _add_data(command)
    command.add_argument(
        "--only",
        action="append",
        help="name of a data set to use, of those in --data; repeatable (default: all)",
    )
    _add_map(command)
    command.add_argument("--run", type=Path, help="training run (default: runs/MODALITY)")


def _add_map(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--map",
        action="append",
        metavar="LABEL=EMOTION",
        help="emotion of the seven that a label of your own data means, `none` for a label of its "
        "own, or `skip` to leave it out; repeatable",
    )


def _add_models(command: argparse.ArgumentParser) -> None:
    command.add_argument("--models", type=Path, default=MODELS, help="folder of the packs")


def _add_seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=int, default=0, help="random seed")


def _add_sign_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "manifest", type=Path, nargs="+", help="NAME.json of a pack, or a fusion file"
    )
    command.add_argument("--version", required=True, help="of the bundle, such as 1.2.0")
    command.add_argument("--key", type=Path, required=True, help="NAME.key of `new-key`")
    command.add_argument("--out", type=Path, default=Path(), help="folder of the bundle")


def _add_evaluate_options(command: argparse.ArgumentParser) -> None:
    _add_run_options(command)
    _add_models(command)
    command.add_argument(
        "--all",
        action="store_true",
        help="measure on all samples, for data that the model was not trained on",
    )
    command.add_argument(
        "--save", action="store_true", help="write the figures into the manifest of the pack"
    )


def _add_report_options(command: argparse.ArgumentParser) -> None:
    _add_run_options(command)
    _add_models(command)
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
    _add_data(command)
    command.add_argument("--folds", type=_positive, default=9, help="number of folds")
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
    _add_seed(command)
    command.add_argument(
        "--coefficients", choices=COEFFICIENTS, default="log_mel", help=COEFFICIENTS_HELP
    )
    _add_schedule(command)


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
    _add_models(command)
    command.add_argument("--name", default="", help="name of the pack (default: the file's)")
    command.add_argument("--licence", default="", help="licence of the model")
    _add_seed(command)


def _add_make_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("modality", choices=(*MODALITIES, "fusion"))
    command.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        help="folder or zip of a data set; repeatable",
    )
    _add_map(command)
    command.add_argument(
        "--recipe",
        help="file of a recipe, or the name of one that ships (default: that of the modality, or "
        "the one for data of your own)",
    )
    command.add_argument(
        "--output", type=Path, help="folder of runs, pack and page (default: made/MODALITY)"
    )
    _add_fusion_data(command, required=False)
    _add_models(command)


def _add_fuse_options(command: argparse.ArgumentParser) -> None:
    _add_fusion_data(command, required=True)
    command.add_argument("--out", type=Path, default=REPORTS, help="folder of the page on people")
    _add_models(command)


def _add_fusion_data(command: argparse.ArgumentParser, required: bool) -> None:
    of_fusion = "" if required else "fusion: "
    for modality in MODALITIES:
        command.add_argument(
            f"--{modality}",
            type=Path,
            required=required,
            action="append",
            default=None if required else [],
            metavar="DATA",
            help=f"{of_fusion}data that the {modality} model was trained with; repeatable",
        )
    command.add_argument(
        "--people",
        type=Path,
        action="append",
        default=[],
        help=f"{of_fusion}folder of clips of people, with labels.csv (file, emotion, speaker); "
        "repeatable",
    )
    command.add_argument(
        "--people-models",
        type=Path,
        help=f"{of_fusion}folder of packs that were trained without these people "
        "(default: --models)",
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        help="folder or zip of a data set; repeatable",
    )


def _add_schedule(command: argparse.ArgumentParser) -> None:
    own = "(default: the modality's own)"
    command.add_argument("--epochs", type=_positive, help=f"number of epochs {own}")
    command.add_argument("--batch-size", type=_positive, help=f"samples in a batch {own}")
    command.add_argument("--learning-rate", type=_above_zero, help=f"peak learning rate {own}")
    command.add_argument(
        "--patience", type=_positive, help=f"epochs without improvement before stopping {own}"
    )


def _add_training_options(command: argparse.ArgumentParser) -> None:
    _add_schedule(command)
    command.add_argument(
        "--resume", action="store_true", help="continue after the last complete epoch"
    )
    command.add_argument(
        "--weights",
        type=Path,
        help="initial weights: a .keras file, or a MobileNet of TensorFlow.js (.json)",
    )
    command.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="PACK",
        help="face, speech: fine-tune this pack, such as models/face; a bare name is one that "
        "ships",
    )
    command.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        help="a finished run to distil from; repeatable (text: one, a run of --encoder)",
    )
    command.add_argument(
        "--head-weights",
        type=_not_negative,
        nargs="+",
        help="text: weights of the teacher's heads, one for each family of its data sets, in their "
        "order (default: equal weights that add up to 1)",
    )
    command.add_argument("--side", type=_positive, help="face: side of the input, in pixels")
    command.add_argument("--width", type=_above_zero, help="face: factor of all channel counts")
    command.add_argument(
        "--coefficients", choices=COEFFICIENTS, help=f"speech: {COEFFICIENTS_HELP}"
    )
    command.add_argument("--size", choices=("small", "large"), help="face: depth of the network")
    command.add_argument(
        "--encoder",
        type=Path,
        help="text: fine-tune this sentence encoder (a folder as Hugging Face publishes them) "
        "instead, for use as a --teacher",
    )


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
