"""Reads one device in its own thread, and opens it again after a failure."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.capture.control import RunControl
from edge.capture.device import Device
from edge.capture.drop_oldest import DropOldestQueue
from edge.capture.retry import Retry
from edge.clock import Clock
from edge.errors import Paused, SourceError, describe

STEADY_S = 1.0
"""A device that failed counts as working once it has given good samples for this long."""
PAUSE_POLL_S = 0.2

Sample = TypeVar("Sample")


class Reader(threading.Thread, Generic[Sample]):
    """Fills `sink` from the device that `opener` opens, until stopped.

    `report` receives each change of the status: `ok`, `degraded: reason` or, at the end of a file
    and during a pause, `off`; nothing when a stop cuts a read short. After a failure the status is
    `ok` once samples have come for STEADY_S. Samples reach the sink only while it is `ok`.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Device[Sample]],
        sink: DropOldestQueue[Sample],
        report: Callable[[str], None],
        retry: Retry,
        clock: Clock,
        control: RunControl,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._opener, self._sink, self._report = opener, sink, report
        self._retry, self._clock, self._control = retry, clock, control
        self._status_lock = threading.Lock()
        self._status = ""
        self._good_since_s: float | None = None
        self._in_driver = self._abandoned = False
        self._device: Device[Sample] | None = None
        self._openings = 0

    @property
    def progress(self) -> tuple[int, int] | None:
        """Changes whenever the driver answers; None while no driver call is pending."""
        device = self._device
        return (self._openings, device.steps if device else -1) if self._in_driver else None

    def run(self) -> None:
        """Opens and reads the device until stopped, or to the end of a file."""
        while self._continues:
            if not self._control.running.wait(PAUSE_POLL_S):
                self._set_status("off")
                continue
            self._retry.start_attempt()
            try:
                if self._read_all():
                    return
                continue
            except SourceError as error:
                self._set_status(f"degraded: {error}")
            except Exception as error:  # the edge of the thread: a driver can fail in any way
                self._set_status(f"degraded: {self.name} failed with {describe(error)}")
            self._retry.wait(self._control.stop, self._is_steady)

    def report_stalled(self) -> None:
        """Reports that the device does not answer, unless it already failed; for other threads."""
        with self._status_lock:
            self._good_since_s = None
            if not (self._abandoned or self._status.startswith("degraded")):
                self._status = f"degraded: the {self.name} does not answer; plug it in again"
                self._report(self._status)

    def abandon(self) -> None:
        """Stops reading and reporting; the thread ends once its device call returns."""
        with self._status_lock:
            self._abandoned = True

    @property
    def _continues(self) -> bool:
        return not (self._abandoned or self._control.stop.is_set())

    @property
    def _is_steady(self) -> bool:
        since_s = self._good_since_s
        return since_s is not None and self._clock.now_s() - since_s >= STEADY_S

    def _read_all(self) -> bool:
        """Reads until stopped or paused; returns True at the end of a file."""
        self._openings += 1
        self._good_since_s, self._in_driver = None, True
        try:
            device = self._device = self._opener()
            try:
                while self._continues and self._control.running.is_set():
                    sample = device.read()
                    if sample is None:
                        if self._continues:
                            self._set_status("off")
                        return True
                    self._deliver(sample, device.fault)
            except Paused:
                return False
            finally:
                device.close()
        finally:
            self._in_driver, self._device = False, None
        return False

    def _deliver(self, sample: Sample, fault: str) -> None:
        if fault:
            self._set_status(f"degraded: {fault}")
            return
        if self._good_since_s is None:
            self._good_since_s = self._clock.now_s()
        if self._is_steady or not self._status.startswith("degraded"):
            self._set_status("ok")
            if not self._abandoned:
                self._sink.put(sample)

    def _set_status(self, status: str) -> None:
        with self._status_lock:
            if status != self._status and not self._abandoned:
                self._status = status
                self._report(status)
