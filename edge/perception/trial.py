"""Tries model packs in a process of their own: a damaged model can end the process that runs it."""

import contextlib
import json
import logging
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

TRIAL_S = 60.0
"""Longest trial, on a slow board that is busy starting."""
MEMORY_BYTES = 2 << 30
"""Address space of a trial; the shipped packs need a third of it."""
REMEDY = "copy model and manifest again, or make the pack again"


class Trials:
    """Tries each pack once; those that ran are remembered in a file, by hash and runtime."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._passed: set[str] = set()
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._passed = set(json.loads(file.read_bytes())) if file else set()

    def check(self, paths: Sequence[Path]) -> None:
        """Tries the packs with these manifests; raises ModelError for one that ends its process.

        Those that were not tried before share one process; if that ends, each gets its own.
        """
        untried = {path: key for path in paths if (key := _key(path)) not in self._passed}
        if not untried:
            return
        try:
            try_packs(list(untried))
        except ModelError:
            for path in untried if len(untried) > 1 else ():
                try_packs([path])
            raise
        self._passed.update(untried.values())
        self._save()

    def _save(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(sorted(self._passed)), encoding="utf-8")
        except OSError as error:
            logger.warning("%s: cannot be written (%s); models are tried again", self._file, error)


def _key(path: Path) -> str:
    return f"{load_pack(path).manifest.sha256} {runtime()}"


def runtime() -> str:
    """Returns name and version of the package that runs models."""
    for name in ("ai-edge-litert", "tflite-runtime"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"{name} {metadata.version(name)}"
    return "unknown"


def try_packs(paths: Sequence[Path], limit_s: float = TRIAL_S) -> None:
    """Runs models once in a child; raises ModelError if one ends it or takes too long.

    What else is wrong with a pack is for the one who loads it to find.
    """
    names, quiet = ", ".join(map(str, paths)), subprocess.DEVNULL
    try:
        done = subprocess.run(  # noqa: S603 - this Python, this module
            [sys.executable, "-I", "-m", __name__, *map(str, paths)],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"{names}: no answer within {limit_s:g} s; {REMEDY}") from None
    except OSError as error:
        logger.warning("%s: not tried, no process could be started (%s)", names, error)
        return
    if done.returncode < 0:
        signal_name = signal.Signals(-done.returncode).name
        raise ModelError(f"{names}: running it ends the process ({signal_name}); {REMEDY}")


def main() -> int:
    """Runs the models of the packs that are named on the command line on zeros."""
    with contextlib.suppress(OSError, ValueError):  # a sandbox may forbid it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for path in sys.argv[1:]:
        with contextlib.suppress(ModelError):
            interpreter = Interpreter(load_pack(Path(path)).model, path)
            interpreter.run(np.zeros(interpreter.input.shape, np.float32))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
