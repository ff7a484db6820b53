"""A clock that tests control, and a stop signal that never waits."""

import threading

from edge.clock import Clock


class FakeClock(Clock):
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.moment_s = 100.0

    def now_s(self) -> float:
        return self.moment_s


class Racing(threading.Event):
    """A stop signal whose waits return at once; each wait advances the clock, if there is one."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        if self._clock is not None:
            self._clock.moment_s += timeout or 0.0
        return self.is_set()
