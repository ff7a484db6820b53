"""Limits how often something may happen, with a reserve for bursts."""


class RateLimit:
    """A token bucket: `per_s` a second in the long run, `burst` at once."""

    def __init__(self, per_s: float, burst: int) -> None:
        self.per_s, self._burst = per_s, burst
        self._left, self._at_s = float(burst), 0.0

    def allows(self, now_s: float) -> bool:
        """Returns whether it may happen once more, and counts it if so."""
        passed_s, self._at_s = now_s - self._at_s, now_s
        self._left = min(self._left + passed_s * self.per_s, self._burst)
        if self._left < 1:
            return False
        self._left -= 1
        return True
