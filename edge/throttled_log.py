"""Says what is wrong with what comes in, without filling the log."""

import logging

INTERVAL_S = 60.0


class Complaints:
    """Logs each kind of complaint at most once in INTERVAL_S, and then how often it was meant."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._said_s: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def complain(self, kind: str, message: str, now_s: float) -> None:
        """Logs a warning, or counts it for the next one of its kind."""
        said_s = self._said_s.get(kind)
        if said_s is not None and 0 <= now_s - said_s < INTERVAL_S:
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1
            return
        more = self._kept_back.pop(kind, 0)
        self._said_s[kind] = now_s
        self._logger.warning("%s%s", message, f" (and {more} more like it)" if more else "")
