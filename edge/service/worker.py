"""One modality's inference, in a thread of its own."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.capture.newest import Newest

logger = logging.getLogger(__name__)

Sample = TypeVar("Sample")
IDLE_S = 0.2


class Worker(threading.Thread, Generic[Sample]):
    """Hands each sample of `source` to `perceive`, until `stop` is set.

    A sample that makes `perceive` raise is dropped and the fault logged: the next one may be
    good, and the other modalities go on.
    """

    def __init__(
        self,
        name: str,
        source: Newest[Sample],
        perceive: Callable[[Sample], None],
        stop: threading.Event,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._source, self._perceive, self._stop_asked = source, perceive, stop

    def run(self) -> None:
        """Works until told to stop."""
        while not self._stop_asked.is_set():
            sample = self._source.take(IDLE_S)
            if sample is None:
                continue
            try:
                self._perceive(sample)
            except Exception:  # the rim of the thread: whatever it was, the modality goes on
                logger.exception("%s could not read a sample", self.name)
