"""Keeps the libraries of sound from filling the journal while a microphone is away.

Looking for devices, ALSA, JACK and PortAudio write some sixty lines to stderr each time, and have
no common switch. The daemon's own log has a handle of its own.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


class _Silence:
    """Where stderr went, and how many threads want it quiet; one may hang in a driver."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._wanted_by = 0
        self._kept = -1

    def begin(self) -> None:
        with self._changing:
            self._wanted_by += 1
            if self._wanted_by == 1:
                self._kept = os.dup(STDERR)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, STDERR)
                os.close(nowhere)

    def end(self) -> None:
        with self._changing:
            self._wanted_by -= 1
            if self._wanted_by == 0:
                os.dup2(self._kept, STDERR)
                os.close(self._kept)


_silence = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """What is written to file descriptor 2 meanwhile, by any thread, goes nowhere."""
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()
