"""Runs the checks one after another, each within a time limit and whether or not others fail."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.clock import Clock
from edge.commands.doctor.report import (
    BROKER_TIMEOUT_S,
    BrokerReport,
    CheckResult,
    Report,
    failed,
    passed,
    skipped,
)
from edge.commands.doctor.runner import BROKER_LIMIT, MODEL_LIMIT, Check, run_check
from edge.config import Config
from edge.configfile import load_config
from edge.errors import ConfigError, EmotiondError
from edge.resources import state_folder
from edge.stderr import silenced_stderr

if TYPE_CHECKING:
    from edge.installed import InstalledFiles
    from edge.perception.loader import ModelLoader

SYSTEM = ("clock", "temperature", "disk", "state", "access", "python", "memory")


def diagnose(
    path: Path | None,
    only: Sequence[str] = (),
    clock: Clock | None = None,
    timeout_s: float = BROKER_TIMEOUT_S,
) -> Report:
    """Runs all checks, or those in `only`, which holds names or their parts before the dot.

    A configuration that cannot be used is always reported, and all other checks are skipped.
    Raises EmotiondError for an unknown name.
    """
    clock = clock or Clock()
    try:
        config = load_config(path) if path else Config()
    except ConfigError as error:
        wrong = failed(str(error), "fix these lines; configs/default.yaml has every key")
        rest = skipped("not tried: the configuration cannot be used")
        names = _chosen(only, list(Doctor(Config(), clock, timeout_s).checks))
        found = {"config": wrong} | {name: rest for name in names if name != "config"}
    else:
        with ExitStack() as copies:
            checks = Doctor(config, clock, timeout_s, path, copies).checks
            names = _chosen(only, list(checks))
            # OpenCV and LiteRT write errors to the terminal too; the results explain them better.
            with silenced_stderr() if sys.stderr is not None else nullcontext():
                found = {name: checks[name]() for name in names}
    return Report(
        time=clock.utc(clock.now_s()),
        ok=not any(result.verdict == "fail" for result in found.values()),
        checks=[msgspec.structs.replace(result, name=name) for name, result in found.items()],
    )


def _chosen(only: Sequence[str], names: list[str]) -> list[str]:
    groups = {name.partition(".")[0] for name in names}
    if unknown := [one for one in only if one not in names and one not in groups]:
        known = ", ".join(dict.fromkeys([*names, *sorted(groups)]))
        raise EmotiondError(f"unknown check {unknown[0]!r}; known checks: {known}")
    return [name for name in names if not only or {name, name.partition(".")[0]} & set(only)]


class Doctor:
    """The checks for one configuration."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        timeout_s: float,
        path: Path | None = None,
        copies: ExitStack | None = None,
    ) -> None:
        self._config, self._clock, self._timeout_s = config, clock, timeout_s
        self._path, self._copies = path, copies or ExitStack()

    @property
    def checks(self) -> dict[str, Check]:
        """All checks by name, in the order of the report."""
        models = self._config.models
        by_modality = {
            "detector": models.face.detector_model,
            "face": models.face.model,
            "speech": models.speech.model,
            "text": models.text.model,
        }
        return {
            "config": lambda: passed(
                f"{self._path}" if self._path else "no --config, so every key has its default"
            ),
            "camera": partial(self._device, "face", self._camera),
            "microphone": partial(self._device, "speech", self._microphone),
            "model.bundle": partial(run_check, lambda: self._bundle[0]),
            **{
                f"model.{modality}": partial(self._model, modality, file)
                for modality, file in by_modality.items()
            },
            "model.fusion": partial(run_check, self._fusion),
            **{
                f"broker.{part}": partial(self._broker_part, part)
                for part in ("session", "echo", "daemon")
            },
            **{
                f"system.{part}": partial(run_check, partial(self._system, part)) for part in SYSTEM
            },
        }

    def _skip_if_off(self, modality: str) -> CheckResult | None:
        """Returns a skipped result if a modality is disabled, else None."""
        config = self._config
        key, wanted = {
            "speech": ("microphone", config.microphone.enabled),
            "text": ("text", config.text.enabled),
        }.get(modality, ("camera", config.camera.enabled))
        return None if wanted else skipped(f"{key}.enabled is false")

    def _device(self, modality: str, check: Check) -> CheckResult:
        """Checks a device; a failure shows its status in a running service, which may hold it."""
        if (off := self._skip_if_off(modality)) is not None:
            return off
        result = run_check(check)
        if result.verdict != "fail":
            return result
        status = self._broker.statuses.get(modality, "off")
        if status == "ok":
            return passed("in use by the running service, with status: ok")
        if status != "off":
            found = f"{result.found}\nstatus from the running service: {status}"
            return msgspec.structs.replace(result, found=found)
        return result

    def _camera(self) -> CheckResult:
        from edge.commands.doctor.devices import check_camera

        return check_camera(self._config.camera, self._clock)

    def _microphone(self) -> CheckResult:
        from edge.commands.doctor.devices import check_microphone

        return check_microphone(self._config.microphone, self._clock)

    def _model(self, modality: str, file: str) -> CheckResult:
        def run() -> CheckResult:
            from edge.commands.doctor.models import check_model

            return check_model(self._loader, file, modality)

        return self._skip_if_off(modality) or run_check(run, MODEL_LIMIT)

    def _fusion(self) -> CheckResult:
        from edge.commands.doctor.models import check_fusion

        models = self._config.models
        files = {
            "face": models.face.model,
            "speech": models.speech.model,
            "text": models.text.model,
        }
        wanted = {name: file for name, file in files.items() if self._skip_if_off(name) is None}
        return check_fusion(self._loader, self._config.fusion, wanted)

    @cached_property
    def _loader(self) -> "ModelLoader":
        from edge.perception.loader import ModelLoader
        from edge.perception.trial import Trials

        return ModelLoader(self._config.models, Trials(None), self._bundle[1])

    @cached_property
    def _bundle(self) -> "tuple[CheckResult, InstalledFiles | None]":
        """Result for the installed bundle, and a copy of it if the daemon would use it."""
        from edge.commands.doctor.bundle import check_bundle

        folder, keys = state_folder(self._config.state_folder), self._config.models.updates.keys
        return check_bundle(folder, Path(keys), self._copies)

    def _broker_part(self, part: str) -> CheckResult:
        result: CheckResult = getattr(self._broker, part)
        return result

    @cached_property
    def _broker(self) -> BrokerReport:
        """Report on the broker, which is probed once even if that fails."""
        reports: list[BrokerReport] = []

        def run() -> CheckResult:
            from edge.commands.doctor.broker import probe_broker

            reports.append(probe_broker(self._config.mqtt, self._timeout_s))
            return reports[0].session

        result = run_check(run, BROKER_LIMIT)
        return reports[0] if reports else BrokerReport(result)

    def _temperature(self) -> CheckResult:
        from edge.commands.doctor.system import check_temperature
        from edge.machine import temperature_c, throttled

        max_c = self._config.load.max_temperature_c
        return check_temperature(temperature_c(), throttled(), max_c)

    def _memory(self) -> CheckResult:
        from edge.commands.doctor.system import check_memory
        from edge.machine import available_mb

        return check_memory(available_mb())

    def _system(self, part: str) -> CheckResult:
        from edge.commands.doctor import system

        config = self._config
        folder = state_folder(config.state_folder)
        checks: dict[str, Check] = {
            "clock": lambda: system.check_clock(time.time(), system.is_synchronised()),
            "temperature": self._temperature,
            "disk": lambda: system.check_disk(folder, config.mqtt.spool.max_bytes),
            "state": lambda: system.check_state(folder),
            "access": lambda: system.check_access(system.device_nodes(config)),
            "python": system.check_python,
            "memory": self._memory,
        }
        return checks[part]()
