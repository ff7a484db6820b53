"""Inference of one modality in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.capture.drop_oldest import DropOldestQueue
from edge.clock import Clock
from edge.errors import describe
from edge.service.meter import Meter

logger = logging.getLogger(__name__)

Sample = TypeVar("Sample")
IDLE_S = 2.0
"""Longest wait for a sample: it shows that the thread is not stuck."""
# More failures in a row are not the fault of a single sample.
MAX_FAILURES = 5


class Worker(threading.Thread, Generic[Sample]):
    """Calls `perceive` with each sample of `source` until `stop` is set.

    Close `source` after that, so that the thread does not wait for another sample.

    A sample that makes `perceive` raise is dropped: the next one may be good, and the other
    modalities continue. `report` is called after MAX_FAILURES in a row, and at the next success.
    """

    def __init__(
        self,
        name: str,
        source: DropOldestQueue[Sample],
        perceive: Callable[[Sample], None],
        report: Callable[[str], None],
        meter: Meter,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._source, self._perceive, self._report = source, perceive, report
        self._meter, self._clock = meter, clock
        self.last_progress_s = clock.now_s()
        """Time at which it last started waiting for a sample."""
        self._stop_requested = stop
        self._failures = 0

    def run(self) -> None:
        """Works until told to stop."""
        while not self._stop_requested.is_set():
            self.last_progress_s = self._clock.now_s()
            sample = self._source.take(IDLE_S)
            if sample is not None:
                self._work(sample)

    def _work(self, sample: Sample) -> None:
        started_s = time.perf_counter()
        try:
            self._perceive(sample)
        except Exception as error:  # the modality must survive any error
            self._failures += 1
            self._meter.note_failure()
            if self._failures == 1:
                logger.error("%s failed on a sample: %s", self.name, describe(error))
            if self._failures % MAX_FAILURES == 0:
                self._report(f"degraded: the {self.name} model fails with {describe(error)}")
            return
        self._meter.note(time.perf_counter() - started_s)
        if self._failures >= MAX_FAILURES:
            self._report("ok")
        self._failures = 0
