"""Runs recipes: every step from data to pack, without those whose result is there already."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from converter import steps
from converter.datasets.splits import Splits
from converter.distillation.teacher import HEADS
from converter.measuring.evaluate import FLOAT32, evaluate_pack
from converter.networks.weights import MODEL
from converter.options import Training
from converter.packing.build import build_pack
from converter.recipes.check import check_steps
from converter.recipes.progress import Progress, duration, fingerprint, hash_of, key_of
from converter.recipes.recipe import Recipe, Step
from converter.tasks.base import Task
from converter.training.runs import INPUT, SETTINGS
from edge import __version__
from edge.fusion.model import write_fusion

Outputs = Mapping[Path, bool]
"""Files that a step wrote; False for those that a later step rewrites."""


@dataclass(frozen=True)
class Job:
    """One step with all that it needs."""

    name: str
    """Its kind and the run that it makes or uses; unique in the recipe."""
    step: Step
    run: str
    key: str
    units: int


class Making:
    """A recipe at work on the data of one modality."""

    def __init__(
        self, recipe: Recipe, data: Sequence[Path], output: Path, loaded: tuple[Task, Splits]
    ) -> None:
        """Raises EmotiondError if the recipe cannot run to its end; `loaded` are all `data`."""
        self.recipe, self._data, self._output = recipe, data, output
        self._map = loaded[0].map
        check_steps(recipe)
        self._progress = Progress(output)
        task, splits = loaded
        self._loaded: dict[tuple[str, ...], tuple[Task, Splits, str]] = {
            (): (task, splits, fingerprint(splits))
        }

    def run(self) -> Path:
        """Runs the steps that are not done; returns the manifest's path. Raises EmotiondError."""
        print(f"recipe {self.recipe.path}, into {self._output}")
        jobs_left = [self._job(step, run) for step, run in self._runs()]
        count = len(jobs_left)
        while jobs_left:
            job = self._job(jobs_left[0].step, jobs_left[0].run)  # what it depends on is now done
            place = f"[{count - len(jobs_left) + 1}/{count}] {job.name}"
            jobs_left.pop(0)
            if self._progress.is_done(job.name, job.key):
                print(f"{place}: unchanged, skipped")
                continue
            own = self._expected(job)
            rest = sum(self._expected(one) for one in jobs_left)
            print(
                f"{place}: {duration(own)}; all steps: {duration(own + rest)} left",
                flush=True,
            )
            self._do(job)
        return self._manifest

    @property
    def _manifest(self) -> Path:
        return self._output / "models" / f"{self.recipe.modality}.json"

    def _runs(self) -> list[tuple[Step, str]]:
        """Returns each step with the name of its run: its own, or the last one before it."""
        last, found = self.recipe.modality, []
        for step in self.recipe.steps:
            if step.kind == "train":
                last = step.run or last
            found.append((step, step.run or last))
        return found

    def _load(self, only: Sequence[str]) -> tuple[Task, Splits, str]:
        """Loads some of the data sets, once; returns them with their fingerprint."""
        if set(only) == set(self._loaded[()][1].datasets):
            only = ()
        if tuple(only) not in self._loaded:
            task = steps.make_task(self.recipe.modality, {"only": only, "map": self._map})
            splits = task.load(self._data)
            self._loaded[tuple(only)] = task, splits, fingerprint(splits)
        return self._loaded[tuple(only)]

    def _folder(self, run: str) -> Path:
        return self._output / "runs" / run

    def _data_of(self, run: str) -> tuple[str, ...]:
        """Returns the data sets of the last training with this name."""
        options = [one.options for one, name in self._runs() if one.kind == "train" and name == run]
        return tuple(options[-1].only) if options else ()

    def _job(self, step: Step, run: str) -> Job:
        only = step.options.only if isinstance(step.options, Training) else self._data_of(run)
        task, splits, found = self._load(only)
        facts = [
            step.kind,
            msgspec.to_builtins(step.options),
            found,
            __version__,
            self._inputs(step, run),
            self.recipe.sha256 if step.kind == "quantize" else "",
        ]
        units = len(splits.held_back) + len(splits.test)
        if isinstance(step.options, Training):
            schedule = steps.schedule_of(task, step.options)
            seen = max(len(splits.train), schedule.least_batches * schedule.batch_size)
            units = seen * schedule.epochs
        return Job(f"{step.kind} {run}", step, run, key_of(facts), units)

    def _inputs(self, step: Step, run: str) -> list[Any]:
        """Returns the hashes of the files of earlier steps, and of others, that a step reads."""
        if not isinstance(step.options, Training):
            earlier = ["quantize"] if step.kind in ("evaluate", "report") else []
            return [self._progress.hashes(f"{kind} {run}") for kind in ("train", *earlier)]
        options = self._resolved(step.options)
        files = [Path(one) for one in (options.weights, *options.teacher) if one]
        return [[hash_of(file) for file in (one, one / MODEL) if file.is_file()] for one in files]

    def _resolved(self, options: Training) -> Training:
        """Returns the options with the names of earlier trainings as paths."""
        names = {run for step, run in self._runs() if step.kind == "train"}

        def model(name: str) -> str:
            return str(self._folder(name) / MODEL) if name in names else name

        def run(name: str) -> str:
            return str(self._folder(name)) if name in names else name

        weights = model(options.weights) if options.weights else ""
        return msgspec.structs.replace(
            options, weights=weights, teacher=tuple(run(one) for one in options.teacher)
        )

    def _expected(self, job: Job) -> float:
        """Returns how long a step will take, in seconds; 0 if it is done."""
        if self._progress.is_done(job.name, job.key):
            return 0.0
        rate = self._progress.seconds_a_unit(self.recipe.modality, job.step.kind)
        return self._progress.seconds_of(job.name) or rate * job.units

    def _do(self, job: Job) -> None:
        resumes = self._progress.was_started(job.name, job.key)
        self._progress.start(job.name, job.key)
        began_s = time.monotonic()
        outputs = ACTIONS[job.step.kind](self, job, resumes)
        self._progress.finish(job.name, outputs, time.monotonic() - began_s, job.units)

    def _task(self, options: Training | None, run: str) -> tuple[Task, Splits]:
        """Returns the task with the options that change it, and its data."""
        only = tuple(options.only) if options is not None else self._data_of(run)
        given = msgspec.structs.asdict(options) if options is not None else {}
        loaded, splits, _ = self._load(only)
        task = steps.make_task(self.recipe.modality, given | {"map": self._map})
        task.label_map = loaded.label_map
        return task, splits

    def train(self, job: Job, resumes: bool) -> Outputs:
        """Trains a network; continues after the last complete epoch of an interrupted one."""
        options = self._resolved(job.step.options)
        task, splits = self._task(options, job.run)
        folder = self._folder(job.run)
        resumes = resumes and steps.can_resume(folder)
        steps.train(task, splits, folder, options, resumes)
        files = [folder / name for name in (MODEL, INPUT, HEADS, SETTINGS)]
        return {file: True for file in files if file.is_file()}

    def quantize(self, job: Job, resumes: bool) -> Outputs:
        """Makes the pack, with the name of the recipe."""
        task, splits = self._task(None, job.run)
        folder, models = self._folder(job.run), self._manifest.parent
        seed = job.step.options.seed
        build_pack(task, splits, folder, models, seed, self.recipe.made_by)
        model = self._manifest.with_suffix(".tflite")
        return {model: True, folder / FLOAT32: True, self._manifest: False}

    def evaluate(self, job: Job, resumes: bool) -> Outputs:
        """Measures the pack, into its manifest."""
        task, splits = self._task(None, job.run)
        evaluate_pack(task, splits, self._manifest, self._folder(job.run))
        return {self._manifest: True}

    def report(self, job: Job, resumes: bool) -> Outputs:
        """Writes the page."""
        task, splits = self._task(None, job.run)
        reports = self._output / "reports"
        places = steps.Places(self._folder(job.run), self._manifest.parent, reports)
        folders = map(Path, job.step.options.left_out)
        left_out = [steps.read_left_out(one, task.modality) for one in folders]
        page = steps.report(task, splits, places, left_out)
        print("wrote", page)
        return {page: True}


ACTIONS: Mapping[str, Callable[[Making, Job, bool], Outputs]] = {
    "train": Making.train,
    "quantize": Making.quantize,
    "evaluate": Making.evaluate,
    "report": Making.report,
}


def make_fusion(recipe: Recipe, sources: steps.FusionSources, models: Path, output: Path) -> Path:
    """Learns fusion.json by a recipe, unless nothing has changed; returns its path."""
    progress, path = Progress(output), output / "models" / "fusion.json"
    print(f"recipe {recipe.path}, into {output}")
    given = {name: list(map(str, paths)) for name, paths in sources.data.items()}
    folders = [*sources.people, *(path for paths in sources.data.values() for path in paths)]
    packs = [models, *filter(None, [sources.people_models])]
    manifests = [hash_of(file) for one in packs for file in sorted(one.glob("*.json"))]
    facts = [given, [_listing(one) for one in folders], manifests, recipe.sha256, __version__]
    key, name = key_of(facts), "fuse fusion"
    if progress.is_done(name, key):
        print(f"[1/1] {name}: unchanged, skipped")
        return path
    before_s = progress.seconds_of(name)
    print(f"[1/1] {name}: {duration(before_s)}" if before_s else f"[1/1] {name}", flush=True)
    progress.start(name, key)
    began_s = time.monotonic()
    pairs = recipe.steps[-1].options.pairs
    content = steps.fuse(sources, models, output / "reports", pairs)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_fusion(msgspec.structs.replace(content, made_by=recipe.made_by), path)
    progress.finish(name, {path: True}, time.monotonic() - began_s, 0)
    return path


def _listing(path: Path) -> list[tuple[str, int, int]]:
    """Returns the files of a data set with size and time of change, without reading them."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    found = [(one, one.stat()) for one in files]
    return [(str(one), about.st_size, about.st_mtime_ns) for one, about in found]
