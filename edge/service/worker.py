"""One modality's inference, in a thread of its own."""

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
IDLE_S = 0.2
# So many failures in a row are no accident of one sample.
PATIENCE = 5


class Worker(threading.Thread, Generic[Sample]):
    """Hands each sample of `source` to `perceive`, until `stop` is set.

    A sample that makes `perceive` raise is dropped: the next one may be good, and the other
    modalities go on. After PATIENCE of them `report` is told, and again when one succeeds.
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
        """When it last began to wait for a sample."""
        self._stop_asked = stop
        self._failures = 0

    def run(self) -> None:
        """Works until told to stop."""
        while not self._stop_asked.is_set():
            self.last_progress_s = self._clock.now_s()
            sample = self._source.take(IDLE_S)
            if sample is not None:
                self._work(sample)

    def _work(self, sample: Sample) -> None:
        began_s = time.perf_counter()
        try:
            self._perceive(sample)
        except Exception as error:  # the rim of the thread: whatever it was, the modality goes on
            self._failures += 1
            self._meter.note_failure()
            if self._failures == 1:
                logger.error("%s could not read a sample: %s", self.name, describe(error))
            if self._failures % PATIENCE == 0:
                self._report(f"degraded: the {self.name} model fails with {describe(error)}")
            return
        self._meter.note(time.perf_counter() - began_s)
        if self._failures >= PATIENCE:
            self._report("ok")
        self._failures = 0
