"""A run: the folder in which training leaves a model, what it takes, and how it came to be."""

import csv
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec

from converter.datasets.splits import Origin, Splits
from converter.networks.packs import is_pack, origin_of_pack
from converter.networks.weights import MODEL
from converter.plots import CURVES
from converter.tasks.base import Schedule
from edge.errors import EmotiondError
from edge.perception.manifest import InputSpec

INPUT = "input.json"
CHECKPOINT = "checkpoint"
SETTINGS = "settings.json"
ORIGINS = "origins"
"""In the settings: of its own data, of what taught it and of the run that its weights are from."""


@dataclass(frozen=True)
class Plan:
    """How a run begins and goes on."""

    schedule: Schedule
    seed: int = 0
    resume: bool = False
    """Whether to go on from the checkpoint that every epoch leaves."""
    weights: Path | None = None
    """A file to begin from, see `load_initial_weights`."""
    teachers: Sequence[Path] = ()
    """Finished runs to learn from."""


def load_run(run: Path) -> tuple[keras.Model, InputSpec]:
    """The trained model of a run and the input it takes; raises EmotiondError without one."""
    try:
        spec = msgspec.json.decode((run / INPUT).read_bytes(), type=InputSpec)
        return keras.models.load_model(run / MODEL, compile=False), spec
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{run}: no finished training run ({error})") from error


def origin(run: Path, splits: Splits) -> Origin:
    """What the model of a run learned from that was trained on `splits`, and those before it."""
    return splits.origin.joined(origins_in(read_settings(run)))


def read_settings(run: Path) -> dict[str, Any]:
    """How a run was begun; raises EmotiondError where nothing tells it."""
    try:
        return msgspec.json.decode((run / SETTINGS).read_bytes(), type=dict[str, Any])
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{run}: nothing tells how this run was begun ({error})") from error


def origins_in(settings: dict[str, Any]) -> list[Origin]:
    """What the model of the run with these settings learned from."""
    return msgspec.convert(settings.get(ORIGINS, []), list[Origin])


def origins_of_weights(file: Path) -> list[Origin]:
    """Of the run or pack that weights are from; those of torchvision are from none."""
    if is_pack(file):
        return [origin_of_pack(file)]
    if not (file.parent / SETTINGS).is_file():
        return []
    return origins_in(read_settings(file.parent))


def start_run(run: Path, plan: Plan, splits: Splits, **facts: object) -> None:
    """Makes room for a new run, or checks that the one to resume is the same.

    `facts` are what else must not change, as JSON can hold it. Raises EmotiondError.
    """
    settings = {
        "schedule": msgspec.to_builtins(plan.schedule),
        "seed": plan.seed,
        "teachers": [str(teacher) for teacher in plan.teachers],
        "data": [splits.dataset, len(splits.train), len(splits.held_back)],
        **facts,
    }
    settings = msgspec.json.decode(msgspec.json.encode(settings))
    if plan.resume:
        if not (run / CHECKPOINT).is_dir():
            raise EmotiondError(f"{run}: no checkpoint to resume from; train without --resume")
        begun = read_settings(run)
        changed = [name for name, value in settings.items() if begun.get(name) != value]
        if changed:
            raise EmotiondError(
                f"{run}: this run was begun with another {', '.join(changed)}; "
                "resume it with the same options, or train without --resume"
            )
        return
    run.mkdir(parents=True, exist_ok=True)
    # Until training ends there is no run to build from.
    for old in (INPUT, CURVES, MODEL):
        (run / old).unlink(missing_ok=True)
    shutil.rmtree(run / CHECKPOINT, ignore_errors=True)
    (run / SETTINGS).write_bytes(msgspec.json.format(msgspec.json.encode(settings)))


def check_trained(run: Path) -> None:
    """Raises EmotiondError where no epoch of a run was any good."""
    if best_loss(run / CURVES) is None:
        raise EmotiondError(
            f"{run}: the loss is not a number from the first epoch on; "
            "try a lower learning rate, and look for faults in the data"
        )


def best_loss(curves: Path) -> float | None:
    """The lowest on held-back data so far; None before the first that is a number."""
    if not curves.is_file():
        return None
    with curves.open(encoding="utf-8", newline="") as lines:
        losses = [float(row["val_loss"]) for row in csv.DictReader(lines)]
    return min((loss for loss in losses if math.isfinite(loss)), default=None)
