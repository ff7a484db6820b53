"""A process that reads what others send, and is replaced if it fails."""

import logging
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any

from edge.config import Config
from edge.machine import memory_limit_mb, total_mb
from edge.processes import python_command
from edge.web.errors import Refusal, unusable
from edge.web.settings import Limits

logger = logging.getLogger(__name__)

START_S = 60.0
"""Time that a worker may take to load its libraries, on a slow and busy board."""
START = "from edge.web.worker import main; sys.exit(main())"
LIVE_WORKERS = 1
MEMORY_SHARE = 0.5
"""Share of the machine's memory, or of the service's, that all workers may take together."""
MIN_WORKER_BYTES, MAX_WORKER_BYTES = 400_000_000, 2_000_000_000
"""Private memory of a worker: the models and a clip take the first, no file needs the second."""

Report = Callable[[Any], None]


def worker_memory_bytes(workers: int, whole_mb: float) -> int:
    """Returns the private memory that each of so many workers may take of a machine's memory."""
    each = round(whole_mb * 1e6 * MEMORY_SHARE / workers)
    return min(max(each, MIN_WORKER_BYTES), MAX_WORKER_BYTES)


class Worker:
    """One process, started when it is first called. Serves one call at a time."""

    def __init__(self, config: Config, limits: Limits) -> None:
        self._config, self._limits = config, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self.used_s = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        files: Mapping[str, int],
        limit_s: float | None,
        report: Report,
    ) -> bytes:
        """Runs a job and waits for its answer; raises Refusal.

        `files` are descriptors. A process that takes longer than `limit_s`, or ends, is replaced
        with the next call; None is no limit.
        """

        def left_s() -> float | None:
            return None if limit_s is None else max(started_s + limit_s - time.monotonic(), 0.0)

        if self._process is not None and self._process.poll() is not None:
            self.stop()  # it ended while it had nothing to do, which is no fault of this file
        try:
            connection = self._connection or self._start()
            started_s = time.monotonic()
            connection.send((name, dict(arguments), tuple(files)))
            for descriptor in files.values():
                send_handle(connection, descriptor, None)
            while connection.poll(left_s()):
                kind, content = connection.recv()
                if kind == "progress":
                    report(content)
                elif kind == "refused":
                    raise unusable(content)
                elif kind == "failed":
                    raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, content)
                elif kind == "broken":
                    logger.error("%s: %s", name, content)
                    raise unusable("it cannot be read; the server's log has the place")
                else:
                    return bytes(content)
        except (EOFError, OSError):
            self.stop()
            raise unusable(
                "reading it ended the process that read it; is it damaged, or too large?"
            ) from None
        finally:
            self.used_s = time.monotonic()
        self.stop()
        raise unusable(f"reading it took longer than {limit_s:g} s; make it smaller")

    def end(self) -> None:
        """Ends the process while another thread waits for its answer, and refuses the call."""
        if (process := self._process) is not None:
            process.kill()

    def stop(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if process is not None:
            process.kill()
            process.wait()
        if connection is not None:
            connection.close()

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            command = python_command(START, str(theirs.fileno()))
            self._process = subprocess.Popen(  # noqa: S603 - this Python, this package
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # libraries quote what they read
                pass_fds=[theirs.fileno()],
            )
        connection = self._connection = Connection(ours.detach())
        limits = self._limits
        whole_mb = min(total_mb(), memory_limit_mb() or float("inf"))
        memory = worker_memory_bytes(limits.workers + LIVE_WORKERS, whole_mb)
        connection.send((self._config, limits.pixels, limits.seconds, memory))
        if not connection.poll(START_S):
            raise EOFError
        _, unbounded = connection.recv()  # it has loaded its libraries
        if unbounded:
            logger.warning(
                "a process that reads uploads has no memory limit of its own: %s", unbounded
            )
        return connection
