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
from importlib import metadata
from pathlib import Path

import numpy as np

from edge.errors import ModelError
from edge.perception.interpreter import Interpreter
from edge.perception.pack import load_pack

logger = logging.getLogger(__name__)

TRIAL_S = 6.0
"""Longest trial of a model, on a slow board; four take less than the service's WatchdogSec=30."""
RAN = b"+"
"""Written by the child after each model that ran."""
STOPPED = (signal.SIGTERM, signal.SIGINT)
"""Signals by which the child ends with the service, through no fault of a model."""
MEMORY_BYTES = 2 << 30
"""Address space of a trial; the shipped packs need a third of it."""
REMEDY = "copy model and manifest again, or make the pack again"


class Trials:
    """Tries each pack once; those that ran are remembered in a file, by hash and runtime."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._passed: set[str] = set()
        self._faults: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._passed = set(json.loads(file.read_bytes())) if file else set()

    def check(self, paths: Sequence[Path]) -> None:
        """Tries the packs with these manifests; raises ModelError for one that ends its process.

        What else is wrong with a pack is for the one who loads it to find.
        """
        keys = {path: f"{load_pack(path).manifest.sha256} {runtime()}" for path in paths}
        untried = [one for one in paths if keys[one] not in self._passed | self._faults.keys()]
        while untried:
            ran, fault = try_packs(untried)
            self._passed.update(keys[one] for one in untried[:ran])
            if fault:
                self._faults[keys[untried[ran]]] = f"{untried[ran]}: {fault}; {REMEDY}"
            untried = untried[ran + 1 :] if fault else []
        self._save()
        if faults := [self._faults[key] for key in keys.values() if key in self._faults]:
            raise ModelError("; ".join(faults))

    def _save(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(sorted(self._passed)), encoding="utf-8")
        except OSError as error:
            logger.warning("%s: cannot be written (%s); models are tried again", self._file, error)


def runtime() -> str:
    """Returns name and version of the package that runs models."""
    for name in ("ai-edge-litert", "tflite-runtime"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"{name} {metadata.version(name)}"
    return "unknown"


def try_packs(paths: Sequence[Path], limit_s: float = TRIAL_S) -> tuple[int, str]:
    """Runs models once, one after the other, in a child.

    Returns how many ran, and what happened at the next one: empty if nothing worse than an
    exception.
    """
    command = [sys.executable, "-I", "-m", __name__, *map(str, paths)]
    try:
        child = subprocess.Popen(  # noqa: S603 - this Python, this module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        logger.warning("models are not tried, no process could be started (%s)", error)
        return 0, ""
    fault = ""
    try:
        output, _ = child.communicate(timeout=limit_s * len(paths))
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        fault = f"no answer within {limit_s * len(paths):g} s"
    if not fault and child.returncode < 0 and -child.returncode not in STOPPED:
        fault = f"running it ends the process ({signal.Signals(-child.returncode).name})"
    return output.count(RAN), fault


def main() -> int:
    """Runs the models of the packs that are named on the command line on zeros."""
    with contextlib.suppress(OSError, ValueError):  # a sandbox may forbid it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for path in sys.argv[1:]:
        try:
            interpreter = Interpreter(load_pack(Path(path)).model, path)
            interpreter.run(np.zeros(interpreter.input.shape, np.float32))
        except Exception:
            return 1  # the one who loads it finds it too
        os.write(sys.stdout.fileno(), RAN)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
