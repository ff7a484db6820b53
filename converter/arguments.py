"""Options that several commands of `emotion-convert` share, and those of a training."""

import argparse
from pathlib import Path
from typing import get_args

from converter.options import NETWORKS
from edge.perception.manifest import Coefficients
from edge.values import MODALITIES

MODELS = Path("models")
COEFFICIENTS = get_args(Coefficients)
COEFFICIENTS_HELP = "the network's features of a frame of sound"


def positive(text: str) -> int:
    """Returns a whole number above 0; raises ArgumentTypeError."""
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


def add_run_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the commands on a modality, its data and a run."""
    command.add_argument("modality", choices=MODALITIES)
    add_data(command)
    command.add_argument(
        "--only",
        action="append",
        help="name of a data set to use, of those in --data; repeatable (default: all)",
    )
    add_map(command)
    command.add_argument("--run", type=Path, help="training run (default: runs/MODALITY)")


def add_map(command: argparse.ArgumentParser) -> None:
    """Adds `--map`, for labels of your own."""
    command.add_argument(
        "--map",
        action="append",
        metavar="LABEL=EMOTION",
        help="emotion of the seven that a label of your own data means, `none` for a label of its "
        "own, or `skip` to leave it out; repeatable",
    )


def add_models(command: argparse.ArgumentParser) -> None:
    """Adds `--models`."""
    command.add_argument("--models", type=Path, default=MODELS, help="folder of the packs")


def add_seed(command: argparse.ArgumentParser) -> None:
    """Adds `--seed`."""
    command.add_argument("--seed", type=int, default=0, help="random seed")


def add_data(command: argparse.ArgumentParser) -> None:
    """Adds `--data`, which is needed."""
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        action="append",
        help="folder or zip of a data set; repeatable",
    )


def add_schedule(command: argparse.ArgumentParser) -> None:
    """Adds the options of a schedule."""
    own = "(default: the modality's own)"
    command.add_argument("--epochs", type=positive, help=f"number of epochs {own}")
    command.add_argument("--batch-size", type=positive, help=f"samples in a batch {own}")
    command.add_argument("--learning-rate", type=_above_zero, help=f"peak learning rate {own}")
    command.add_argument(
        "--patience", type=positive, help=f"epochs without improvement before stopping {own}"
    )


def add_training_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of a training, for any modality."""
    add_schedule(command)
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
    command.add_argument("--side", type=positive, help="face: side of the input, in pixels")
    command.add_argument("--width", type=_above_zero, help="face: factor of all channel counts")
    command.add_argument(
        "--coefficients", choices=COEFFICIENTS, help=f"speech: {COEFFICIENTS_HELP}"
    )
    command.add_argument(
        "--network",
        choices=list(dict.fromkeys(sum(NETWORKS.values(), ()))),
        help="; ".join(f"{modality}: {' or '.join(each)}" for modality, each in NETWORKS.items())
        + " (default: the first)",
    )
    command.add_argument("--size", choices=("small", "large"), help="face: depth of the network")
    command.add_argument(
        "--encoder",
        type=Path,
        help="text: fine-tune this sentence encoder (a folder as Hugging Face publishes them) "
        "instead, for use as a --teacher",
    )


def add_fusion_data(command: argparse.ArgumentParser, required: bool) -> None:
    """Adds the data that fusion learns from."""
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
