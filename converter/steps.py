"""The steps from data to pack: what the commands and the recipes call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from converter.datasets.splits import WHOLE_SET, Splits
from converter.fusion.figures import answer_people, measure_by_halves
from converter.fusion.learn import CASE_COUNT, fusion_file, learn_fusion
from converter.fusion.people import predict_people
from converter.fusion.report import write_fusion_report
from converter.fusion.simulated_pairs import Predictions, predict_held_back
from converter.measuring.evaluate import predict_all
from converter.measuring.report import Evaluation, write_report
from converter.networks.freezing import FEW_SAMPLES
from converter.options import NETWORKS, TextTraining, Training
from converter.tasks.base import Schedule, Task
from converter.tasks.registry import TASKS
from converter.training import fine_tune, student
from converter.training.runs import CHECKPOINT, Plan
from converter.training.student import PIECES
from converter.training.text import ENCODER_RUN, NGRAMS_RUN, train_with_teacher
from converter.training.train import train as train_network
from edge.errors import EmotiondError
from edge.fusion.model import FusionFile
from edge.perception.manifest import Manifest
from edge.perception.pack import Pack, load_pack
from edge.resources import MODELS

OF_TASK = ("side", "width", "size", "coefficients", "network", "only", "map")
"""Options of the task itself: they change its input, its network or its data."""
OF_SCHEDULE = ("epochs", "batch_size", "learning_rate", "patience")
PACK_SUFFIXES = (".json", ".tflite")


def make_task(modality: str, options: Mapping[str, Any]) -> Task:
    """Returns a modality's task with the options given for it; raises EmotiondError."""
    given = {name: options[name] for name in OF_TASK if options.get(name) not in (None, ())}
    offered = NETWORKS.get(modality, ())
    if offered and given.get("network", offered[0]) not in offered:
        raise EmotiondError(
            f"--network {given['network']} does not apply to {modality}; choose "
            f"{' or '.join(offered)}"
        )
    try:
        return TASKS[modality](**given)
    except TypeError as error:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        verb = "does not" if len(given) == 1 else "do not all"
        raise EmotiondError(f"{flags} {verb} apply to {modality}") from error


def train(task: Task, splits: Splits, run: Path, options: Training, resume: bool = False) -> Path:
    """Trains a network in the folder `run`; returns the path of its model. Raises EmotiondError."""
    if not splits.train_splits:
        raise EmotiondError(f"{splits.dataset}: only a test split; add data to train on")
    distils = isinstance(options, TextTraining) and (options.encoder or options.teacher)
    if distils and task.own_labels.added:
        raise EmotiondError("--encoder and --teacher do not apply to labels of your own (--map)")
    plan = Plan(
        schedule_of(task, options),
        options.seed,
        resume,
        Path(options.weights) if options.weights else None,
        [Path(one) for one in options.teacher],
    )
    if isinstance(options, TextTraining) and options.encoder:
        return fine_tune.fine_tune(Path(options.encoder), splits, run, plan)
    if isinstance(options, TextTraining) and options.teacher:
        size = student.Size(**msgspec.structs.asdict(options.student))
        return train_with_teacher(task, splits, run, plan, options.head_weights, size)
    if isinstance(options, TextTraining) and options.head_weights:
        raise EmotiondError("--head-weights needs a text model and its --teacher")
    if options.start:
        plan = _from_pack(find_pack(options.start, task.modality), task, options, plan)
    elif task.fine_tuning and not options.weights and len(splits.train) < FEW_SAMPLES:
        print(
            f"note: {len(splits.train)} samples teach a network little from scratch; "
            f"--from {task.modality} starts from the model that ships"
        )
    return train_network(task, splits, run, plan)


def schedule_of(task: Task, options: Training) -> Schedule:
    """Returns the schedule of a training: that of its kind, changed by the options given."""
    own = task.schedule
    if isinstance(options, TextTraining) and options.encoder:
        own = fine_tune.SCHEDULE
    elif isinstance(options, TextTraining) and options.teacher:
        own = student.SCHEDULE
    elif options.start and task.fine_tuning is not None:
        own = task.fine_tuning
    return schedule_with(own, options)


def can_resume(run: Path) -> bool:
    """Returns True if a run was interrupted after a complete epoch."""
    parts = (run, run / ENCODER_RUN, run / NGRAMS_RUN)
    return any((one / CHECKPOINT).is_dir() or (one / PIECES).is_file() for one in parts)


def schedule_with(own: Schedule, options: object) -> Schedule:
    """Returns a schedule, changed by the options given."""
    values = {name: getattr(options, name, None) for name in OF_SCHEDULE}
    given = {name: value for name, value in values.items() if value is not None}
    return msgspec.structs.replace(own, **given)


@dataclass(frozen=True)
class Places:
    """The folders of a run, of its pack and of the page about it."""

    run: Path
    models: Path
    reports: Path


def report(
    task: Task,
    splits: Splits,
    places: Places,
    left_out: Sequence[Manifest] = (),
    evaluation: Evaluation | None = None,
) -> Path:
    """Writes the page on a pack; without a test split, on its held-back samples.

    `left_out` are those that `read_left_out` returns. Without an `evaluation`, the pack is
    measured. Returns the path of the page; raises EmotiondError.
    """
    pack = load_pack(places.models / f"{task.modality}.json")
    if not splits.test_split:
        splits = splits.held_back_as_test
    if evaluation is None:
        predictions = predict_all(task, splits, pack, places.run)
        first = [one for one in predictions if one.dataset == predictions[0].dataset]
        others = [one.metrics(pack.manifest) for one in predictions if one not in first]
        evaluation = Evaluation(first, others)
    evaluation = replace(evaluation, left_out=left_out)
    return write_report(task, splits, evaluation, pack, places.run, places.reports)


def read_left_out(folder: Path, modality: str) -> Manifest:
    """Reads the manifest of a pack that was trained without a source and measured on it.

    Raises EmotiondError if it was not measured so.
    """
    path = folder / f"{modality}.json"
    manifest = load_pack(path).manifest
    if all(one.split != WHOLE_SET for one in manifest.metrics):
        raise EmotiondError(
            f"{path}: not measured on a source that was left out; run `emotion-convert evaluate "
            f"{modality} --all --save --models {folder} --data …` with that source first"
        )
    return manifest


@dataclass(frozen=True)
class FusionSources:
    """What fusion is learned from."""

    data: Mapping[str, Sequence[Path]]
    """By modality: the data that its model was trained with."""
    people: Sequence[Path] = ()
    """Folders of clips of people."""
    people_models: Path | None = None
    """Folder of packs that were trained without these people; None for the packs themselves."""


def fuse(
    sources: FusionSources, models: Path, reports: Path, pairs: int = CASE_COUNT
) -> FusionFile:
    """Learns fusion from the answers of the packs in `models` to held-back data and to people.

    Writes the page on people if there are any. Raises EmotiondError.
    """
    people = None
    if sources.people:
        people = predict_people(sources.people, sources.people_models or models)
    sets: list[Predictions] = []
    halves: list[list[Predictions]] = [[], []]
    hashes = {}
    for modality, data in sources.data.items():
        task, pack = TASKS[modality](), load_pack(models / f"{modality}.json")
        splits = task.load(data)
        predictions = predict_held_back(task, splits, pack)
        hashes[modality] = pack.manifest.sha256
        for part, taken in enumerate(halves):
            taken.append(predictions.part(np.arange(part, len(predictions.truth), 2)))
        # A modality without a test split is tested on the other half.
        sets.append(predictions if splits.test_split else halves[0][-1])
    figures = of_pairs = measure_by_halves(halves, people, pairs)
    if people is not None:
        answers = answer_people(people, sets)
        figures += answers.figures
        print("wrote", write_fusion_report(answers, of_pairs, reports))
    return fusion_file(learn_fusion(sets, people, count=pairs), hashes, figures)


def find_pack(given: str, modality: str) -> Pack:
    """Returns the pack at a path without suffix, or that ships with a name; raises EmotiondError.

    The path may end in the suffix of one of its files.
    """
    path = Path(given)
    stem = path.name.removesuffix(path.suffix) if path.suffix in PACK_SUFFIXES else path.name
    manifest = path.with_name(f"{stem}.json")
    if not manifest.is_file() and path.name == given:
        manifest = MODELS / manifest.name
    if not manifest.is_file():
        raise EmotiondError(
            f"--from {given}: no pack there; give the path of one, such as models/{modality}"
        )
    pack = load_pack(manifest)
    if pack.manifest.modality != modality:
        raise EmotiondError(
            f"--from {given}: it is a {pack.manifest.modality} model; {modality} was asked for"
        )
    return pack


def _from_pack(pack: Pack, task: Task, options: Training, plan: Plan) -> Plan:
    """Returns the plan of a training that fine-tunes a pack; raises EmotiondError."""
    if task.fine_tuning is None:
        raise EmotiondError(
            f"--from: a {task.modality} pack cannot be trained further; train from scratch, or "
            "distil a --teacher"
        )
    own: Sequence[str] = [
        name for name in ("weights", "side", "coefficients") if getattr(options, name, None)
    ]
    if own:
        raise EmotiondError(f"--{own[0]} and --from exclude each other: a pack brings its own")
    return replace(plan, weights=pack.path, spec=pack.manifest.input)
