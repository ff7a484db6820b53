"""Measures the durations and failures of one stage."""

from collections import deque

import numpy as np

from edge.publish.payloads import StageData

MAX_SAMPLES = 4096


class Meter:
    """Collects the durations that one thread notes, for another thread to read."""

    def __init__(self) -> None:
        self._durations_s: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._count = self._failed = 0

    def note(self, duration_s: float) -> None:
        """Counts a processed sample."""
        self._durations_s.append(duration_s)
        self._count += 1

    def note_failure(self) -> None:
        """Counts a sample that failed."""
        self._failed += 1

    def read(self, over_s: float) -> StageData:
        """Returns the figures since the last reading, `over_s` seconds ago."""
        durations_s, self._durations_s = self._durations_s, deque(maxlen=MAX_SAMPLES)
        count, self._count = self._count, 0
        failed, self._failed = self._failed, 0
        p50_s, p99_s = np.percentile(durations_s or [0.0], [50, 99])
        return StageData(
            per_s=round(count / over_s, 2),
            p50_ms=round(float(p50_s) * 1e3, 3),
            p99_ms=round(float(p99_s) * 1e3, 3),
            failed=failed,
        )
