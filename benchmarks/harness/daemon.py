"""Runs the daemon as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml


@contextmanager
def daemon(
    folder: Path, settings: dict[str, Any], stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Starts a daemon with these settings and its state in `folder`; kills it at the end.

    By default the log goes to a pipe; a caller that does not read it must end before it is full.
    """
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"state_folder": str(folder / "state")} | settings))
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=stderr, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
