"""The only source of time; passed in wherever it is needed, so that tests control it."""

import time
from datetime import datetime, timezone


class Clock:
    """The system's clocks."""

    def now_s(self) -> float:
        """Returns seconds of the monotonic clock, which all values inside the daemon carry."""
        return time.monotonic()

    def utc(self, moment_s: float) -> str:
        """Converts a time of the monotonic clock to RFC 3339 UTC with milliseconds."""
        wall_s = time.time() - (self.now_s() - moment_s)
        moment = datetime.fromtimestamp(wall_s, timezone.utc)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
