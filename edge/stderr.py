"""Keeps libraries from writing lines of their own to stderr.

LiteRT writes one when it loads a model. ALSA, JACK and PortAudio write about sixty lines to stderr
whenever they look for devices, and have no common switch. The daemon's own log has its own handle.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


class _Redirection:
    """Redirects stderr to /dev/null while any thread needs it; a thread may hang in a driver."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._original = -1

    def acquire(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._original = os.dup(STDERR)
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, STDERR)
                os.close(null)

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                os.dup2(self._original, STDERR)
                os.close(self._original)


_redirection = _Redirection()


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Discards everything that any thread writes to file descriptor 2 meanwhile."""
    _redirection.acquire()
    try:
        yield
    finally:
        _redirection.release()
