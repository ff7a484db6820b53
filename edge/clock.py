"""The only source of time; passed in wherever it is needed, so that tests control it."""

import time
from datetime import datetime, timezone

SET_S = 1_704_067_200.0
"""2024-01-01 UTC; an earlier time means that the device's clock is not set yet."""


class Clock:
    """The system's clocks."""

    def now_s(self) -> float:
        """Returns seconds of the monotonic clock, which all values inside the daemon carry."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Returns seconds since 1970; somebody may set this clock at any time."""
        return time.time()

    @property
    def offset_s(self) -> float:
        """What the clock on the wall is ahead of `now_s`; another value after it was set."""
        return self.wall_s() - self.now_s()

    @property
    def is_set(self) -> bool:
        """False on a board without a battery until it has the time from the network."""
        return self.wall_s() >= SET_S

    def utc(self, moment_s: float) -> str:
        """Converts a time of the monotonic clock to RFC 3339 UTC with milliseconds."""
        return utc(self.offset_s + moment_s)


def utc(wall_s: float) -> str:
    """Converts seconds since 1970 to RFC 3339 UTC with milliseconds."""
    moment = datetime.fromtimestamp(wall_s, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
