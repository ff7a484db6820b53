"""Hours of the day in which nothing is captured."""

import time
from collections.abc import Iterable

from edge.clock import Clock


def is_quiet(periods: Iterable[str], clock: Clock) -> bool:
    """Returns whether the local time is within one of the periods, such as `22:00-06:30`.

    While the clock is not set, every hour may be a quiet one.
    """
    periods = list(periods)
    if not clock.is_set:
        return bool(periods)
    now = time.localtime(clock.wall_s())
    minute = now.tm_hour * 60 + now.tm_min
    return any(_holds(period, minute) for period in periods)


def _holds(period: str, minute: int) -> bool:
    start, end = (int(one[:2]) * 60 + int(one[3:]) for one in period.split("-"))
    if start <= end:
        return start <= minute < end
    return minute >= start or minute < end
