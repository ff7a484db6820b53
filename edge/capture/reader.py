"""Reads one device in a thread of its own, and opens it again whenever it fails."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from edge.capture.newest import Newest
from edge.config import Backoff
from edge.errors import SourceError, describe

# A source that gives so many samples is taken to work.
STEADY_SAMPLES = 20
PAUSE_TICK_S = 0.2

Sample = TypeVar("Sample")
Sample_co = TypeVar("Sample_co", covariant=True)


class Device(Protocol[Sample_co]):
    """An open camera, microphone or file."""

    def read(self) -> Sample_co | None:
        """The next sample, waiting for it; None at the end of a file. Raises SourceError."""

    def close(self) -> None:
        """Gives the device back."""


class Reader(threading.Thread, Generic[Sample]):
    """Fills `sink` from the device that `opener` opens, until `stop` is set.

    While `running` is not set the device is closed. `report` is told `ok`, `degraded: reason` or,
    at the end of a file and while nothing is to run, `off`; nothing when `stop` cuts a read short.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Device[Sample]],
        sink: Newest[Sample],
        report: Callable[[str], None],
        retry: Backoff,
        running: threading.Event,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._opener = opener
        self._sink = sink
        self._report = report
        self._retry = retry
        self._running = running
        self._stop_asked = stop
        self._told = ""
        self._read = 0

    def run(self) -> None:
        """Opens and reads; waits longer after each failure that no steady reading parts."""
        wait_s = self._retry.shortest_s
        while not self._stop_asked.is_set():
            self._read = 0
            if not self._running.wait(PAUSE_TICK_S):
                self._tell("off")
                continue
            try:
                if self._read_all():
                    return
                continue
            except SourceError as error:
                self._tell(f"degraded: {error}")
            except Exception as error:  # the rim of the thread: a driver can fail in any way
                self._tell(f"degraded: {self.name} failed with {describe(error)}")
            if self._read >= STEADY_SAMPLES:
                wait_s = self._retry.shortest_s
            self._stop_asked.wait(wait_s)
            wait_s = min(wait_s * 2, self._retry.longest_s)

    def _read_all(self) -> bool:
        """Reads until told to stop or to pause; whether it came to the end of a file instead."""
        device = self._opener()
        try:
            while self._running.is_set() and not self._stop_asked.is_set():
                sample = device.read()
                if sample is None:
                    if not self._stop_asked.is_set():
                        self._tell("off")
                    return True
                self._sink.put(sample)
                self._read += 1
                self._tell("ok")
        finally:
            device.close()
        return False

    def _tell(self, status: str) -> None:
        if status != self._told:
            self._told = status
            self._report(status)
