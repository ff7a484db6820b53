"""Waits for the servers that a benchmark or test starts."""

import socket
import time

from edge.commands.demo.broker import HOST

POLL_S = 0.02


def wait_for_port(port: int, longest_s: float, name: str) -> None:
    """Returns once loopback accepts connections on `port`; raises RuntimeError after `longest_s`.

    The error calls the server by its `name`.
    """
    deadline_s = time.monotonic() + longest_s
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(POLL_S)
    raise RuntimeError(f"{name} did not start")
