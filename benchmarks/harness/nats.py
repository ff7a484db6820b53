"""Runs NATS as a process: Debian's package nats-server, with JetStream and MQTT."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.ports import wait_for_port
from edge.commands.demo.broker import HOST, free_port

START_S = 30.0
CONFIG = """
server_name: "{name}"
listen: "{host}:{clients}"
jetstream {{ store_dir: "{store}" }}
mqtt {{ listen: "{host}:{mqtt}", max_ack_pending: 65535 }}
{cluster}
"""
CLUSTER = """cluster {{ name: bench, listen: "{host}:{own}", routes: [{routes}] }}"""


def is_installed() -> bool:
    """Returns whether the package is there."""
    return shutil.which("nats-server") is not None


class Nats:
    """A node on loopback, which is started and killed at will.

    `route` is its port for other nodes, and `routes` those of all nodes of its cluster.
    """

    def __init__(self, folder: Path, route: int, routes: Sequence[int]) -> None:
        self.port = free_port()
        name = f"node{self.port}"
        others = ", ".join(f'"nats://{HOST}:{one}"' for one in routes)
        cluster = CLUSTER.format(host=HOST, own=route, routes=others) if len(routes) > 1 else ""
        self._config = folder / f"{name}.conf"
        self._config.write_text(
            CONFIG.format(
                name=name,
                host=HOST,
                clients=free_port(),
                store=folder / name,
                mqtt=self.port,
                cluster=cluster,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it accepts connections; raises RuntimeError after 30 s."""
        command = ["nats-server", "-c", str(self._config)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_port(self.port, START_S, "NATS")

    def kill(self) -> None:
        """Kills it without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def close(self) -> None:
        """Kills it."""
        self.kill()
