"""A run: the folder of a training, with its model, input specification and settings."""

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
from converter.datasets.taught import write_taught
from converter.networks.weights import MODEL, is_of_pack, manifest_of
from converter.plots import CURVES
from converter.tasks.base import Schedule
from edge.errors import EmotiondError
from edge.perception.manifest import InputSpec, Manifest

INPUT = "input.json"
CHECKPOINT = "checkpoint"
SETTINGS = "settings.json"
ORIGINS = "origins"
"""Key of the settings: the origins of its data, its teachers and its initial weights."""
CALIBRATION = "calibration"
"""Key of the settings: the calibration of the pack that the training started from."""


class Calibration(msgspec.Struct, frozen=True):
    """The calibration of the pack that a training started from, as in its manifest."""

    temperature: float
    log_prior: tuple[float, ...]
    familiarity: tuple[float, float] | None

    @classmethod
    def of(cls, manifest: Manifest) -> "Calibration":
        """Returns the calibration in a manifest."""
        return cls(manifest.temperature, manifest.log_prior, manifest.familiarity)


@dataclass(frozen=True)
class Plan:
    """The options of a training run."""

    schedule: Schedule
    seed: int = 0
    resume: bool = False
    """True to continue from the checkpoint of the last complete epoch."""
    weights: Path | None = None
    """A file of initial weights, see `load_initial_weights`."""
    teachers: Sequence[Path] = ()
    """Finished runs whose predictions become part of the targets."""
    spec: InputSpec | None = None
    """The input of the pack that the training starts from; None for the task's own."""


def load_run(run: Path) -> tuple[keras.Model, InputSpec]:
    """Loads the trained model of a run and its input specification; raises EmotiondError."""
    try:
        spec = msgspec.json.decode((run / INPUT).read_bytes(), type=InputSpec)
        return keras.models.load_model(run / MODEL, compile=False), spec
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{run}: not a finished training run ({error})") from error


def origin(run: Path, splits: Splits) -> Origin:
    """Returns the origin of a run trained on `splits`, with its teachers and initial weights."""
    return splits.origin.joined(origins_in(read_settings(run)))


def read_settings(run: Path) -> dict[str, Any]:
    """Reads the settings of a run; raises EmotiondError if they are missing or unreadable."""
    try:
        return msgspec.json.decode((run / SETTINGS).read_bytes(), type=dict[str, Any])
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{run / SETTINGS}: cannot be read ({error})") from error


def origins_in(settings: dict[str, Any]) -> list[Origin]:
    """Returns the origins in the settings of a run."""
    return msgspec.convert(settings.get(ORIGINS, []), list[Origin])


def calibration_in(settings: dict[str, Any]) -> Calibration | None:
    """Returns the calibration in the settings of a run that started from a pack."""
    return msgspec.convert(settings.get(CALIBRATION), Calibration | None)


def origins_of_weights(file: Path) -> list[Origin]:
    """Returns the origins of the run or pack that weights are from; others have none."""
    if is_of_pack(file):
        manifest = manifest_of(file)
        return [Origin(manifest.trained_on, manifest.licence)]
    if not (file.parent / SETTINGS).is_file():
        return []
    return origins_in(read_settings(file.parent))


def start_run(run: Path, plan: Plan, splits: Splits, **facts: object) -> None:
    """Clears the folder for a new run, or checks that the run to resume has the same settings.

    `facts` are further settings that must not change, as JSON can hold them. Raises EmotiondError.
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
        saved = read_settings(run)
        changed = [name for name, value in settings.items() if saved.get(name) != value]
        if changed:
            raise EmotiondError(
                f"{run}: this run was started with other settings: {', '.join(changed)}; "
                "resume it with the same options, or train without --resume"
            )
        return
    run.mkdir(parents=True, exist_ok=True)
    # No pack can be built from the run until training ends.
    for old in (INPUT, CURVES, MODEL):
        (run / old).unlink(missing_ok=True)
    shutil.rmtree(run / CHECKPOINT, ignore_errors=True)
    (run / SETTINGS).write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
    write_taught(run, splits)


def check_trainable(splits: Splits) -> None:
    """Raises EmotiondError if there is nothing to train on, or nothing to choose an epoch by."""
    if not splits.train_splits:
        raise EmotiondError(
            f"{splits.dataset}: too few samples to train on and to hold back, or a test split "
            "alone; add data, or measure a pack on it with `emotion-convert evaluate --all`"
        )


def check_trained(run: Path) -> None:
    """Raises EmotiondError if no epoch of a run had a finite loss."""
    if best_loss(run / CURVES) is None:
        raise EmotiondError(
            f"{run}: the loss is not a number from the first epoch on; "
            "try a lower learning rate, and check the data"
        )


def best_loss(curves: Path) -> float | None:
    """Returns the lowest finite loss on held-back data so far, or None."""
    if not curves.is_file():
        return None
    with curves.open(encoding="utf-8", newline="") as lines:
        losses = [float(row["val_loss"]) for row in csv.DictReader(lines)]
    return min((loss for loss in losses if math.isfinite(loss)), default=None)
