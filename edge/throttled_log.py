"""A log that one faulty sender cannot fill."""

import logging

INTERVAL_S = 60.0


class ThrottledLog:
    """Logs each kind of warning at most once in INTERVAL_S, with a count of those left out."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._logged_s: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def warning(self, kind: str, message: str, now_s: float) -> bool:
        """Logs a warning, or counts it towards the next one of its kind; returns which."""
        logged_s = self._logged_s.get(kind)
        if logged_s is not None and 0 <= now_s - logged_s < INTERVAL_S:
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return False
        more = self._suppressed.pop(kind, 0)
        self._logged_s[kind] = now_s
        self._logger.warning("%s%s", message, f" (and {more} more like it)" if more else "")
        return True
