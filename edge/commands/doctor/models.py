"""Checks of the models: loads each and runs it on the check samples in its manifest."""

import time
from statistics import median

import numpy as np

from edge.commands.doctor.report import CheckResult, failed, passed, warned
from edge.config import Fusion
from edge.fusion.model import load_fusion, read_fusion
from edge.perception.check_sample import Answer, CheckSample
from edge.perception.loader import ModelLoader
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner

TIMED_RUNS = 10


def check_model(loader: ModelLoader, name: str, modality: str) -> CheckResult:
    """Compares the model's answers with its check samples, and times a run.

    Raises ModelError if the pack is missing, damaged or does not fit, or ends a process.
    """
    pack = loader.load(name, modality)
    manifest, threads = pack.manifest, loader.config.threads
    run_sample = sample_runner(pack, threads)
    largest_deviation = 0.0
    for sample in manifest.checks:
        answer = run_sample(sample)
        deviation = sample.deviation(answer)
        if deviation > sample.tolerance:
            return failed(
                f"{pack.path}: {_worst_label(sample, answer)}: the file is damaged, or LiteRT "
                "computes differently here than where the model was made",
                "copy the pack again; if that does not help: "
                "pip install --force-reinstall ai-edge-litert",
            )
        largest_deviation = max(largest_deviation, deviation)
    interpreter = pack.open(threads)
    values = interpreter.blank
    durations_s = []
    for _ in range(TIMED_RUNS):
        started_s = time.perf_counter()
        interpreter.run(values)
        durations_s.append(time.perf_counter() - started_s)
    run_ms = round(median(durations_s) * 1e3, 3)
    found = f"{manifest.name} {manifest.version}, {run_ms:.2f} ms a run"
    if loader.config.delegate.path and pack.delegate is None:
        return warned(
            f"{found} on the processor: models.delegate refuses it",
            "the daemon's log has the delegate's reason; or remove models.delegate",
            run_ms=run_ms,
        )
    if not manifest.checks:
        remedy = f"run `emotion-convert checks {name}` on a machine where the model works"
        return warned(f"{found}; it runs, but has no check sample", remedy, run_ms=run_ms)
    answers = (
        f"answers to {len(manifest.checks)} check sample(s) differ by at most "
        f"{largest_deviation:.3f}"
    )
    return passed(f"{found}; {answers}", run_ms=run_ms, deviation=round(largest_deviation, 4))


def _worst_label(sample: CheckSample, answer: Answer) -> str:
    """Formats the label whose value deviates most."""
    deviations = {
        name: abs(expected - answer.get(name, 0.0)) for name, expected in sample.answer.items()
    }
    name = max(deviations, key=lambda one: np.nan_to_num(deviations[one], nan=np.inf))
    return f"{name} is {answer.get(name, 0.0):.2f} instead of {sample.answer[name]:.2f}"


def check_fusion(loader: ModelLoader, config: Fusion, models: dict[str, str]) -> CheckResult:
    """Checks that the fusion file was fitted to these models, given as manifests by modality.

    Raises ModelError if the file is missing or damaged.
    """
    path = loader.path(config.file)
    sha256 = loader.sha256(config.file)
    load_fusion(path, config.strategy, sha256)
    learned = read_fusion(path, sha256).models
    others = [
        modality
        for modality, name in models.items()
        if modality in learned
        and learned[modality] != load_pack(loader.path(name), loader.sha256(name)).manifest.sha256
    ]
    if others:
        return warned(
            f"{path} was fitted to other models for {' and '.join(others)}",
            "copy it together with the packs, or fit it again: `emotion-convert fuse`",
        )
    return passed(f"{config.file}, fitted to these models")
