"""Runs a job in a process of its own, and reads its progress."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable

import msgspec

from edge.errors import UpdateError, describe
from edge.processes import python_command
from edge.updates.job import Job, Progress

CHECKS_S = 60.0
"""Longest time for everything but the download, four packs on a slow board."""
INSTALLED_S = 20.0
"""Longest check of an installed bundle, for which the start of the daemon waits."""
MAX_LINE_BYTES = 65_536


class JobProcess:
    """A job that runs in a process of its own, until it ends or is stopped."""

    def __init__(self, job: Job) -> None:
        self._job = job
        download_s = job.settings.timeout_s if job.address else 0.0
        is_installed = not job.install and not job.address and job.stream < 0
        self._limit_s = INSTALLED_S if is_installed else download_s + CHECKS_S
        self._lock = threading.Lock()
        self._is_stopped = self._is_late = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, report: Callable[[Progress], None]) -> Progress:
        """Waits until the job has ended; returns its last progress. Raises UpdateError."""
        child = self._start()
        timer = threading.Timer(self._limit_s, self._expire)
        timer.daemon = True
        with child:  # closes its streams
            try:
                timer.start()
                last = self._follow(child, report)
            except (RuntimeError, msgspec.DecodeError) as error:  # no thread, or half a line
                raise UpdateError(f"it could not be checked ({describe(error)})") from error
            finally:
                timer.cancel()
                child.kill()
        if last.step in ("starting", "verified", "failed"):
            return last
        return self._ended(last.version, -child.returncode)

    def _ended(self, version: str, number: int) -> Progress:
        """Returns the failure of a job that did not say how it ended."""
        if self._is_late:
            reason = f"it took longer than {self._limit_s:g} s"
        elif number > 0:
            reason = f"the process that checks it ended by {signal.Signals(number).name}"
        else:
            reason = "the process that checks it said nothing"
        # Memory may be short at one time only; another signal is what the bundle did.
        is_passing = self._is_late or number in (0, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
        return Progress("failed", version, reason, is_passing)

    def _start(self) -> "subprocess.Popen[bytes]":
        stream = self._job.stream
        with self._lock:
            if self._is_stopped:
                raise UpdateError("it was stopped before it began")
            try:
                self._child = subprocess.Popen(  # noqa: S603 - this Python, this package
                    python_command("from edge.updates.worker import main; main()"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(stream,) if stream >= 0 else (),
                )
            except OSError as error:
                raise UpdateError(f"no process could be started ({error.strerror})") from error
            return self._child

    def _follow(
        self, child: "subprocess.Popen[bytes]", report: Callable[[Progress], None]
    ) -> Progress:
        """Hands the job over and passes its progress on; returns the last one."""
        last = Progress("checking", self._job.version)
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(msgspec.json.encode(self._job))
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        while line := child.stdout.readline(MAX_LINE_BYTES):
            last = msgspec.json.decode(line, type=Progress)
            report(last)
        child.wait()
        return last

    def _expire(self) -> None:
        self._is_late = True
        self.stop()

    def stop(self) -> None:
        """Ends the process, or keeps it from starting."""
        with self._lock:
            self._is_stopped = True
            if self._child is not None:
                self._child.kill()
