"""The times of a track within its file: where it starts, and where it has gaps."""

from typing import Any

NOTICED_S = 0.1
"""A shorter gap is no gap: times in containers are rounded, and packets come irregularly."""
MAX_GAP_S = 60.0
"""Where the container gives no length, times further ahead are taken for damaged."""
MICROSECONDS = 1_000_000


def zero_of(container: Any, first_s: float) -> float:
    """Returns the time at which a container starts, for a track whose first time is `first_s`.

    It is `first_s` itself, unless the track starts noticeably later than others. Sound and pictures
    are kept in step by it.
    """
    if container.start_time is None:
        return first_s
    start_s = container.start_time / MICROSECONDS
    late_s = first_s - start_s
    return start_s if NOTICED_S <= late_s <= _length_s(container) else first_s


def _length_s(container: Any) -> float:
    """Returns the length of a container in seconds, or a guess if it gives none."""
    return container.duration / MICROSECONDS if container.duration else MAX_GAP_S


class Gaps:
    """Finds the gaps between the pieces of a track."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._zero_s: float | None = None
        self._at_s = 0.0
        """Length of the pieces and gaps so far."""

    def before(self, time_s: float | None, length_s: float) -> float:
        """Returns the length of the gap before the next piece, which has that time and length.

        Where times jump back, or ahead beyond the end of the file, those that follow count from
        there.
        """
        gap_s = 0.0
        if time_s is not None:
            if self._zero_s is None:
                self._zero_s = zero_of(self._container, time_s)
            gap_s = time_s - self._zero_s - self._at_s
            room_s = _length_s(self._container)
            room_s -= self._at_s if self._container.duration else 0.0
            if gap_s < -NOTICED_S or gap_s > room_s:
                self._zero_s = time_s - self._at_s
            if not NOTICED_S <= gap_s <= room_s:
                gap_s = 0.0
        self._at_s += gap_s + length_s
        return gap_s
