"""Runs RabbitMQ as a process: Debian's package rabbitmq-server, with its MQTT plugin."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Literal

from benchmarks.harness.ports import wait_for_port
from edge.commands.demo.broker import HOST, free_port

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
START_S = 60.0


def is_installed() -> bool:
    """Returns whether the package is there."""
    return Path(SERVER).exists() and shutil.which("epmd") is not None


class RabbitMq:
    """A node on loopback, which is started and killed at will.

    It joins the cluster of `first`, which must run. All nodes then keep every subscription: those
    of lasting sessions in quorum queues, the others in mirrored ones, by a policy. A client whose
    queue was on a node that died could not subscribe anywhere else. `queues` is for lasting
    sessions; a quorum of one node is not there again after a kill.
    """

    def __init__(
        self,
        folder: Path,
        first: "RabbitMq | None" = None,
        queues: Literal["classic", "quorum"] = "classic",
    ) -> None:
        self.port = free_port()
        self.name = f"node{self.port}@localhost"
        self._first = first
        self._names_port: int = first._names_port if first else free_port()
        own = folder / str(self.port)
        own.mkdir()
        config, plugins = own / "rabbitmq.conf", own / "plugins"
        config.write_text(
            f"listeners.tcp.1 = {HOST}:{free_port()}\n"
            f"mqtt.listeners.tcp.1 = {HOST}:{self.port}\n"
            "mqtt.allow_anonymous = true\n"
            f"mqtt.durable_queue_type = {queues}\n"
            "cluster_formation.peer_discovery_backend = classic_config\n"
            f"cluster_formation.classic_config.nodes.1 = {(first or self).name}\n"
            f"cluster_formation.classic_config.nodes.2 = {self.name}\n"
        )
        plugins.write_text("[rabbitmq_mqtt].\n")
        self._environment = os.environ | {
            "HOME": str(folder),  # with the secret that the nodes of a cluster share
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(own / "mnesia"),
            "RABBITMQ_LOG_BASE": str(own / "log"),
            "RABBITMQ_PID_FILE": str(own / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_EPMD_ADDRESS": HOST,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it accepts connections; raises RuntimeError after a minute."""
        if self._names is None and self._first is None:  # else it starts a daemon that outlives it
            self._names = subprocess.Popen(["epmd"], env=self._environment)
        self._process = subprocess.Popen(
            [SERVER],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self.port, START_S, "RabbitMQ")
        if self._first is not None:
            command = [
                CONTROL,
                "-n",
                self.name,
                "set_policy",
                "mqtt",
                "^mqtt-",
                '{"ha-mode":"all"}',
            ]
            subprocess.run(command, env=self._environment, stdout=subprocess.DEVNULL, check=True)

    def kill(self) -> None:
        """Kills it without warning, with the processes that it has started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def close(self) -> None:
        """Kills it, and its name server."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait(10)
            self._names = None
