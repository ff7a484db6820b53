"""Every model loaded, and run on the check samples that came with it."""

import time
from statistics import median

import numpy as np

from edge.commands.doctor.report import CheckResult, failed, passed, warned
from edge.fusion.model import load_fusion, read_fusion
from edge.perception.check_sample import Answer, CheckSample
from edge.perception.loader import ModelLoader
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner

TIMED_RUNS = 10


def check_model(loader: ModelLoader, name: str, modality: str) -> CheckResult:
    """Raises ModelError where the pack is missing, damaged or does not fit."""
    pack = loader.load(name, modality)
    manifest, threads = pack.manifest, loader.config.threads
    run_sample = sample_runner(pack, threads)
    largest_deviation = 0.0
    for sample in manifest.checks:
        answer = run_sample(sample)
        deviation = sample.deviation(answer)
        if deviation > sample.tolerance:
            return failed(
                f"{pack.path}: {_worst_label(sample, answer)}: the file is damaged, or LiteRT does "
                "not compute here as it did where the model was made",
                "copy the pack again; if it stays so: pip install --force-reinstall ai-edge-litert",
            )
        largest_deviation = max(largest_deviation, deviation)
    interpreter = pack.open(threads)
    values = np.zeros(interpreter.input.shape, np.float32)
    durations_s = []
    for _ in range(TIMED_RUNS):
        started_s = time.perf_counter()
        interpreter.run(values)
        durations_s.append(time.perf_counter() - started_s)
    run_ms = round(median(durations_s) * 1e3, 3)
    found = f"{manifest.name} {manifest.version}, {run_ms:.2f} ms a run"
    if not manifest.checks:
        remedy = f"`emotion-convert checks {name}`, where the model is known to work"
        return warned(f"{found}; it runs, and has no check sample", remedy, run_ms=run_ms)
    answers = f"answers {len(manifest.checks)} check sample(s) to within {largest_deviation:.3f}"
    return passed(f"{found}; {answers}", run_ms=run_ms, deviation=round(largest_deviation, 4))


def _worst_label(sample: CheckSample, answer: Answer) -> str:
    """The number that is furthest off."""
    far = {name: abs(told - answer.get(name, 0.0)) for name, told in sample.answer.items()}
    name = max(far, key=lambda one: np.nan_to_num(far[one], nan=np.inf))
    return f"{name} is {answer.get(name, 0.0):.2f} instead of {sample.answer[name]:.2f}"


def check_fusion(loader: ModelLoader, file: str, models: dict[str, str]) -> CheckResult:
    """What fusion learned, and whether from these models: manifests by modality.

    Raises ModelError where the file is missing or damaged.
    """
    path = loader.folder / file
    load_fusion(path)
    learned = read_fusion(path).models
    others = [
        modality
        for modality, name in models.items()
        if modality in learned
        and learned[modality] != load_pack(loader.folder / name).manifest.sha256
    ]
    if others:
        return warned(
            f"{path} was learned from other models of {' and '.join(others)}",
            "copy it together with the packs, or learn it anew: `emotion-convert fuse`",
        )
    return passed(f"{file}, learned from the models that are here")
