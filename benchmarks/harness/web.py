"""Runs `emotiond serve` as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge.commands.demo.broker import HOST, free_port


@dataclass(frozen=True)
class WebServer:
    """A running server."""

    port: int
    address: str
    """As it printed it."""
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Its address without a slash at the end."""
        return f"http://{HOST}:{self.port}"


@contextmanager
def web_server(folder: Path, settings: dict[str, Any], *options: str) -> Iterator[WebServer]:
    """Starts a server with this configuration and waits until it listens; ends it as systemd does.

    Raises RuntimeError with its log if it does not start, or does not end.
    """
    config = folder / "web.yaml"
    config.write_text(yaml.safe_dump(settings) if settings else "text: {enabled: true}\n")
    port = free_port()
    command = [sys.executable, "-m", "edge.cli", "serve", "--config", str(config)]
    log = folder / "web.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        if "open http" not in line:
            raise RuntimeError(log.read_text(encoding="utf-8"))
        yield WebServer(port, line.split()[-1], process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise RuntimeError("the server did not end") from None
        finally:
            process.stdout.close()
