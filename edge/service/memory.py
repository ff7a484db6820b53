"""Gives up modalities before the memory of the service is used up."""

import os
from collections.abc import Callable, Collection

from edge.config import Load
from edge.machine import memory_limit_mb, rss_mb
from edge.perception.manifest import Modality

ORDER: tuple[Modality, ...] = ("text", "speech", "face")
"""The least important first; the last one that runs is kept."""
SHARE = 0.85
"""Share of the memory of the service up to which nothing is given up."""
INTERVAL_S = 5.0
"""Interval of measuring, and time for what was given up to take effect."""


class MemoryGuard:
    """Calls `give_up` with one modality after the other while too much memory is used.

    The limit is `load.max_memory_mb`, else a share of what systemd or a container allows. What was
    given up comes back with the next start or reload. `used_mb` and `allowed_mb` are for tests.
    """

    def __init__(
        self,
        config: Load,
        give_up: Callable[[Modality, str], None],
        used_mb: Callable[[], float] = lambda: rss_mb(os.getpid()),
        allowed_mb: Callable[[], float | None] = memory_limit_mb,
    ) -> None:
        self._give_up, self._used_mb = give_up, used_mb
        self._max_mb = config.max_memory_mb or SHARE * (allowed_mb() or float("inf"))
        self._measured_s = float("-inf")

    def check(self, now_s: float, running: Collection[str]) -> None:
        """Measures, if that is due, and gives up the next of the running modalities."""
        if now_s - self._measured_s < INTERVAL_S:
            return
        self._measured_s, used_mb = now_s, self._used_mb()
        candidates = [one for one in ORDER if one in running]
        if used_mb > self._max_mb and len(candidates) > 1:
            self._give_up(
                candidates[0],
                f"given up, the daemon takes {used_mb:.0f} MB and may take {self._max_mb:.0f}; "
                "see load.max_memory_mb",
            )
