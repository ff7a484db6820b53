"""Tries one thing after the other, each for a bounded time, and whatever came of the others."""

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.capture.stderr import silenced_stderr
from edge.clock import Clock
from edge.commands.doctor.attempt import COMPUTING, VISITING, Examine, attempt
from edge.commands.doctor.report import (
    BROKER_PATIENCE_S,
    Finding,
    Report,
    Visit,
    failed,
    passed,
    skipped,
)
from edge.config import Config
from edge.configfile import load_config
from edge.errors import ConfigError, EmotiondError
from edge.resources import state_folder

if TYPE_CHECKING:
    from edge.perception.loader import ModelLoader

SYSTEM = ("clock", "temperature", "disk", "state", "access", "python", "memory")


def examine(
    path: Path | None,
    only: Sequence[str] = (),
    clock: Clock | None = None,
    patience_s: float = BROKER_PATIENCE_S,
) -> Report:
    """All checks, or those that `only` names, singly or by what stands before the dot.

    A configuration that cannot be used is told in any case, and nothing else is tried.
    Raises EmotiondError for a name that is none.
    """
    clock = clock or Clock()
    try:
        config = load_config(path) if path else Config()
    except ConfigError as error:
        wrong = failed(str(error), "mend these lines; configs/default.yaml has every key")
        rest = skipped("not tried: the configuration cannot be used")
        names = _chosen(only, list(Doctor(Config(), clock, patience_s).checks))
        found = {"config": wrong} | {name: rest for name in names if name != "config"}
    else:
        checks = Doctor(config, clock, patience_s, path).checks
        names = _chosen(only, list(checks))
        # OpenCV and LiteRT write on the terminal as well, what the findings say better.
        with silenced_stderr() if sys.stderr is not None else nullcontext():
            found = {name: checks[name]() for name in names}
    return Report(
        time=clock.utc(clock.now_s()),
        ok=not any(finding.verdict == "fail" for finding in found.values()),
        checks=[msgspec.structs.replace(finding, name=name) for name, finding in found.items()],
    )


def _chosen(only: Sequence[str], names: list[str]) -> list[str]:
    groups = {name.partition(".")[0] for name in names}
    if unknown := [one for one in only if one not in names and one not in groups]:
        known = ", ".join(dict.fromkeys([*names, *sorted(groups)]))
        raise EmotiondError(f"there is no check {unknown[0]!r}; there are: {known}")
    return [name for name in names if not only or {name, name.partition(".")[0]} & set(only)]


class Doctor:
    """Knows what there is to try under one configuration."""

    def __init__(
        self, config: Config, clock: Clock, patience_s: float, path: Path | None = None
    ) -> None:
        self._config, self._clock, self._patience_s = config, clock, patience_s
        self._path = path

    @property
    def checks(self) -> dict[str, Examine]:
        """What can be tried, by name, in the order of the report."""
        models = self._config.models
        by_modality = {
            "detector": f"detector-{models.face.detector}.json",
            "face": models.face.model,
            "speech": models.speech.model,
            "text": models.text.model,
        }
        return {
            "config": lambda: passed(
                f"{self._path}" if self._path else "no --config: all defaults"
            ),
            "camera": partial(self._device, "face", self._camera),
            "microphone": partial(self._device, "speech", self._microphone),
            **{
                f"model.{modality}": partial(self._model, modality, file)
                for modality, file in by_modality.items()
            },
            "model.fusion": partial(attempt, self._fusion),
            **{
                f"broker.{part}": partial(self._of_visit, part)
                for part in ("session", "echo", "daemon")
            },
            **{f"system.{part}": partial(attempt, partial(self._system, part)) for part in SYSTEM},
        }

    def _is_off(self, modality: str) -> Finding | None:
        """Where a modality is not wanted, that it is not."""
        config = self._config
        key, wanted = {
            "speech": ("microphone", config.microphone.enabled),
            "text": ("text", config.text.enabled),
        }.get(modality, ("camera", config.camera.enabled))
        return None if wanted else skipped(f"{key}.enabled is false")

    def _device(self, modality: str, examine_device: Examine) -> Finding:
        """Where it cannot be used, what a running service says of it, which may hold it."""
        if (off := self._is_off(modality)) is not None:
            return off
        finding = attempt(examine_device)
        if finding.verdict != "fail":
            return finding
        status = self._visit.statuses.get(modality, "off")
        if status == "ok":
            return passed("the running service has it, and says: ok")
        if status != "off":
            told = f"{finding.found}\nthe running service says: {status}"
            return msgspec.structs.replace(finding, found=told)
        return finding

    def _camera(self) -> Finding:
        from edge.commands.doctor.devices import examine_camera

        return examine_camera(self._config.camera, self._clock)

    def _microphone(self) -> Finding:
        from edge.commands.doctor.devices import examine_microphone

        return examine_microphone(self._config.microphone, self._clock)

    def _model(self, modality: str, file: str) -> Finding:
        def run() -> Finding:
            from edge.commands.doctor.models import examine_model

            return examine_model(self._loader, file, modality)

        return self._is_off(modality) or attempt(run, COMPUTING)

    def _fusion(self) -> Finding:
        from edge.commands.doctor.models import examine_fusion

        models = self._config.models
        files = {
            "face": models.face.model,
            "speech": models.speech.model,
            "text": models.text.model,
        }
        wanted = {name: file for name, file in files.items() if self._is_off(name) is None}
        return examine_fusion(self._loader, self._config.fusion.file, wanted)

    @cached_property
    def _loader(self) -> "ModelLoader":
        from edge.perception.loader import ModelLoader

        return ModelLoader(self._config.models)

    def _of_visit(self, part: str) -> Finding:
        finding: Finding = getattr(self._visit, part)
        return finding

    @cached_property
    def _visit(self) -> Visit:
        """Paid once, also where it comes to nothing."""
        visits: list[Visit] = []

        def go() -> Finding:
            from edge.commands.doctor.broker import visit_broker

            visits.append(visit_broker(self._config.mqtt, self._patience_s))
            return visits[0].session

        finding = attempt(go, VISITING)
        return visits[0] if visits else Visit(finding)

    def _temperature(self) -> Finding:
        from edge.commands.doctor.system import examine_temperature
        from edge.machine import temperature_c, throttled

        max_c = self._config.load.max_temperature_c
        return examine_temperature(temperature_c(), throttled(), max_c)

    def _system(self, part: str) -> Finding:
        from edge.commands.doctor import system

        config = self._config
        folder = state_folder(config.state_folder)
        examinations: dict[str, Examine] = {
            "clock": lambda: system.examine_clock(time.time(), system.is_synchronised()),
            "temperature": self._temperature,
            "disk": lambda: system.examine_disk(folder, config.mqtt.spool.max_bytes),
            "state": lambda: system.examine_state(folder),
            "access": lambda: system.examine_access(system.device_nodes(config)),
            "python": system.examine_python,
            "memory": system.examine_memory,
        }
        return examinations[part]()
