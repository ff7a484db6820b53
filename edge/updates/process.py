"""Runs a job in a process of its own, and reads its progress."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable

import msgspec

from edge.errors import UpdateError
from edge.processes import python_command
from edge.updates.job import Job, Progress

CHECKS_S = 120.0
"""Longest time for everything but the download."""
MAX_LINE_BYTES = 65_536


class JobProcess:
    """A job that runs in a process of its own, until it ends or is stopped."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stopped = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, report: Callable[[Progress], None]) -> Progress:
        """Waits until the job has ended; returns its last progress. Raises UpdateError."""
        job = self._job
        command = python_command("from edge.updates.worker import main; main()")
        keep = (job.stream,) if job.stream >= 0 else ()
        try:
            child = subprocess.Popen(  # noqa: S603 - this Python, this package
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=keep,
            )
        except OSError as error:
            raise UpdateError(f"no process could be started ({error.strerror})") from error
        self._child = child
        timer = threading.Timer(job.settings.timeout_s + CHECKS_S, child.kill)
        timer.daemon = True
        timer.start()
        last = Progress("failed", job.version, "the process that checks models has no answer")
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(msgspec.json.encode(job))
                child.stdin.close()
            while line := child.stdout.readline(MAX_LINE_BYTES):
                last = msgspec.json.decode(line, type=Progress)
                report(last)
            child.wait()
        finally:
            timer.cancel()
            child.kill()
            child.wait()
        if child.returncode < 0 and last.step not in ("starting", "verified"):
            name = signal.Signals(-child.returncode).name
            last = Progress("failed", last.version, f"the process that checks it ended by {name}")
        return last

    def stop(self) -> None:
        """Ends the process, if it has started."""
        if self._child is not None:
            self._child.kill()
