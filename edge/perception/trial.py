"""Tries model packs in a process of their own: a damaged model can end the process that runs it."""

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edge.errors import ModelError, UntriedModelError
from edge.perception.interpreter import RUNTIME, Interpreter
from edge.perception.pack import load_pack, read_manifest
from edge.processes import python_command
from edge.resources import cache_folder

logger = logging.getLogger(__name__)

FILE = "tried-models.json"
START = f"from {__name__} import main; raise SystemExit(main())"
TRIAL_S = 6.0
"""Longest trial of a model, on a slow board; four take less than the service's WatchdogSec=30."""
BUSY_SHARE = 0.25
"""Share of a processor below which a child without an answer was not slow, but kept waiting."""
RAN, FAILED = "+", "-"
"""Written by the child after each model: it ran, or raised an exception."""
STOPPED = (signal.SIGTERM, signal.SIGINT)
"""Signals by which the child ends with the service, through no fault of a model."""
MEMORY_BYTES = 2 << 30
"""Address space of a trial; the shipped packs need a third of it."""
BUSY = "find out what else takes the processor or the memory"
REMEDY = "copy model and manifest again, or make the pack again"


class Fault(NamedTuple):
    """What a model did to the process that tried it; without a reason, nothing."""

    reason: str = ""
    is_passing: bool = False
    """True if the time or memory was lacking, which says little about the model."""


NO_FAULT = Fault()


class Trials:
    """Tries each pack once; those that ran are remembered in a file, by hash and runtime."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._passed: set[str] = set()
        self._tried: dict[Path, Fault] = {}
        """By manifest, what happened: none if nothing that another process need fear."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._passed = set(json.loads(file.read_bytes())) if file else set()

    def check(self, paths: Sequence[Path]) -> None:
        """Tries the packs with these manifests; raises ModelError for one that ends its process.

        It is an UntriedModelError if only time or memory was lacking. What else is wrong with a
        pack is for the one who loads it to find.
        """
        keys = {}
        for path in paths:
            if path not in self._tried:
                with contextlib.suppress(ModelError):
                    keys[path] = f"{read_manifest(path).sha256} {RUNTIME}"
        self._tried |= dict.fromkeys(keys, NO_FAULT)
        untried = [one for one in keys if keys[one] not in self._passed]
        if untried:
            self._try(untried, keys)
        if faults := [one for path in paths if (one := self._tried.get(path, NO_FAULT)).reason]:
            kind = UntriedModelError if all(one.is_passing for one in faults) else ModelError
            raise kind("; ".join(one.reason for one in faults))

    def _try(self, paths: list[Path], keys: dict[Path, str]) -> None:
        while paths:
            answers, fault = try_packs(paths)
            ran = [one for one, answer in zip(paths, answers, strict=False) if answer == RAN]
            self._passed.update(keys[one] for one in ran)
            paths = paths[len(answers) :]
            if not fault.reason or not paths:  # a child may also end badly after its last model
                break
            remedy = BUSY if fault.is_passing else REMEDY
            self._tried[paths[0]] = Fault(f"{paths[0]}: {fault.reason}; {remedy}", fault.is_passing)
            paths = paths[1:]
        self._save()

    def _save(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(sorted(self._passed)), encoding="utf-8")
        except OSError as error:
            logger.info("%s: cannot be written (%s); models are tried again", self._file, error)


def remembered_trials() -> Trials:
    """Returns trials that are remembered for this user, where a cache can be kept."""
    folder = cache_folder()
    return Trials(None if folder is None else folder / FILE)


def try_packs(paths: Sequence[Path], limit_s: float = TRIAL_S) -> tuple[str, Fault]:
    """Runs models once, one after the other, in a child.

    Returns RAN or FAILED for each that left the child alive, and what the next one did to it.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 - this Python, this module
            python_command(START, *map(str, paths)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        logger.warning("models are not tried, no process could be started (%s)", error)
        return "", NO_FAULT
    fault, before_s = NO_FAULT, _children_s()
    try:
        output, _ = child.communicate(timeout=limit_s * len(paths))
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        waited = f"no answer within {limit_s * len(paths):g} s"
        if _children_s() - before_s < BUSY_SHARE * limit_s:
            logger.warning("models are not tried, the machine is too busy (%s)", waited)
            return output.decode(), NO_FAULT
        fault = Fault(waited, is_passing=True)
    ended_by = -child.returncode
    if not fault.reason and ended_by > 0 and ended_by not in STOPPED:
        # The kernel sends SIGKILL when memory is short, whoever needs it.
        reason = f"running it ends the process ({signal.Signals(ended_by).name})"
        fault = Fault(reason, is_passing=ended_by == signal.SIGKILL)
    return output.decode(), fault


def _children_s() -> float:
    """Returns the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Runs the models of the packs that are named on the command line on zeros."""
    with contextlib.suppress(OSError, ValueError):  # a sandbox may forbid it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for path in sys.argv[1:]:
        answer = FAILED  # the one who loads it finds out why
        with contextlib.suppress(Exception):
            interpreter = Interpreter(load_pack(Path(path)).model, path)
            interpreter.run(interpreter.blank)
            answer = RAN
        os.write(sys.stdout.fileno(), answer.encode())
    return 0
