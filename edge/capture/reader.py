"""Reads one device in a thread of its own, and opens it again whenever it fails."""

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
"""A device that failed is taken to work once it has given good samples for so long."""
PAUSE_TICK_S = 0.2

Sample = TypeVar("Sample")


class Reader(threading.Thread, Generic[Sample]):
    """Fills `sink` from the device that `opener` opens, until told to stop.

    `report` is told `ok`, `degraded: reason` or, at the end of a file and while nothing is to
    run, `off`; nothing when a stop cuts a read short. After a failure `ok` is told once samples
    have come for STEADY_S. Samples reach the sink only while the status is `ok`.
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
        self._telling = threading.Lock()
        self._told = ""
        self._good_since_s: float | None = None
        self._in_driver = self._abandoned = False
        self._device: Device[Sample] | None = None
        self._openings = 0

    @property
    def progress(self) -> tuple[int, int] | None:
        """Changes whenever the device's driver answers; None while nothing is asked of it."""
        device = self._device
        return (self._openings, device.steps if device else -1) if self._in_driver else None

    def run(self) -> None:
        """Opens and reads until told to stop, or to the end of a file."""
        while self._goes_on:
            if not self._control.running.wait(PAUSE_TICK_S):
                self._tell("off")
                continue
            self._retry.begin()
            try:
                if self._read_all():
                    return
                continue
            except SourceError as error:
                self._tell(f"degraded: {error}")
            except Exception as error:  # the rim of the thread: a driver can fail in any way
                self._tell(f"degraded: {self.name} failed with {describe(error)}")
            self._retry.wait(self._control.stop, self._is_steady)

    def tell_stalled(self) -> None:
        """Says, in another thread's place, that the device does not answer; unless it failed."""
        with self._telling:
            self._good_since_s = None
            if not (self._abandoned or self._told.startswith("degraded")):
                self._told = f"degraded: the {self.name} does not answer; plug it in again"
                self._report(self._told)

    def abandon(self) -> None:
        """Nothing more is read or told; the thread ends when its device gives it back."""
        with self._telling:
            self._abandoned = True

    @property
    def _goes_on(self) -> bool:
        return not (self._abandoned or self._control.stop.is_set())

    @property
    def _is_steady(self) -> bool:
        since_s = self._good_since_s
        return since_s is not None and self._clock.now_s() - since_s >= STEADY_S

    def _read_all(self) -> bool:
        """Reads until told to stop or to pause; whether it came to the end of a file instead."""
        self._openings += 1
        self._good_since_s, self._in_driver = None, True
        try:
            device = self._device = self._opener()
            try:
                while self._goes_on and self._control.running.is_set():
                    sample = device.read()
                    if sample is None:
                        if self._goes_on:
                            self._tell("off")
                        return True
                    self._take(sample, device.fault)
            except Paused:
                return False
            finally:
                device.close()
        finally:
            self._in_driver, self._device = False, None
        return False

    def _take(self, sample: Sample, fault: str) -> None:
        if fault:
            self._tell(f"degraded: {fault}")
            return
        if self._good_since_s is None:
            self._good_since_s = self._clock.now_s()
        if self._is_steady or not self._told.startswith("degraded"):
            self._tell("ok")
            if not self._abandoned:
                self._sink.put(sample)

    def _tell(self, status: str) -> None:
        with self._telling:
            if status != self._told and not self._abandoned:
                self._told = status
                self._report(status)
