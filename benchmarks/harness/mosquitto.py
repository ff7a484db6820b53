"""Runs mosquitto as a process."""

import getpass
import shutil
import subprocess
from pathlib import Path

from benchmarks.harness.ports import wait_for_port
from edge.commands.demo.broker import HOST, free_port

START_S = 10.0


class Mosquitto:
    """A real broker on its own port, which is started and stopped at will.

    `settings` are lines of its configuration; those of the listener come first.
    """

    def __init__(self, folder: Path, *settings: str, anonymous: bool = True) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {HOST}",
            *settings,
            f"allow_anonymous {str(anonymous).lower()}",
            f"user {getpass.getuser()}",
            "persistence true",
            f"persistence_location {folder}/",
        ]
        self._config.write_text("".join(f"{line}\n" for line in lines))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, while the broker runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it accepts connections; raises RuntimeError after 10 s."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        wait_for_port(self.port, START_S, "mosquitto")

    def stop(self) -> None:
        """Stops it as an administrator would, so that it saves its state."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """Kills it without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
