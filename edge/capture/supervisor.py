"""Notices readers whose device does not answer, from a thread that does not wait for it."""

import threading
from collections.abc import Callable
from typing import Any

from edge.capture.reader import Reader

STALL_S = 2.5
"""A device that does not answer for this long counts as gone."""
ABANDON_S = 10.0
"""A call that has not returned by then may never return."""
MAX_ABANDONED = 3
"""Maximum number of threads that may hang in a driver at a time."""
MAX_STEP_S = 0.5
"""A longer time between two checks does not count in full: the whole process stood still."""


class Supervisor:
    """Keeps one reader running; call `check` several times a second.

    A reader that hangs is reported as degraded after STALL_S, and replaced after ABANDON_S unless
    MAX_ABANDONED threads hang already.
    """

    def __init__(self, new_reader: Callable[[], Reader[Any]], now_s: float) -> None:
        self._new_reader = new_reader
        self._reader = new_reader()
        self._abandoned: list[threading.Thread] = []
        self._checked_s, self._stalled_s = now_s, 0.0
        self._progress: tuple[int, int] | None = None

    def start(self) -> None:
        """Starts reading."""
        self._reader.start()

    @property
    def ident(self) -> int | None:
        """Identifier of the reader's thread; None before it is started."""
        return self._reader.ident

    def join(self, timeout_s: float) -> None:
        """Waits for the current reader, not for replaced ones."""
        self._reader.join(timeout_s)

    def check(self, now_s: float) -> None:
        """Compares the reader's progress with that of the previous check."""
        passed_s = min(now_s - self._checked_s, MAX_STEP_S)
        self._checked_s = now_s
        progress = self._reader.progress
        if progress is None or progress != self._progress:
            self._progress, self._stalled_s = progress, 0.0
            return
        self._stalled_s += passed_s
        if self._stalled_s >= STALL_S:
            self._reader.report_stalled()
        if self._stalled_s >= ABANDON_S:
            self._replace()

    def _replace(self) -> None:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED:
            return
        self._reader.abandon()
        self._abandoned.append(self._reader)
        self._reader, self._stalled_s = self._new_reader(), 0.0
        self._reader.start()
