"""A clock that tests control, and a stop signal that never waits."""

import threading

from edge.clock import Clock

START_S = 100.0


class FakeClock(Clock):
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.moment_s = START_S
        self.ahead_s: float | None = None
        """What the clock on the wall is ahead; None for the real one."""

    def now_s(self) -> float:
        return self.moment_s

    def wall_s(self) -> float:
        if self.ahead_s is None:
            return super().wall_s() + self.moment_s - START_S
        return self.moment_s + self.ahead_s


class Racing(threading.Event):
    """A stop signal whose waits return at once; each wait advances the clock, if there is one."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        if self._clock is not None:
            self._clock.moment_s += timeout or 0.0
        return self.is_set()
