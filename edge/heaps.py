"""Keeps the heaps of the C library small (glibc; elsewhere nothing changes)."""

import contextlib
import ctypes

M_ARENA_MAX = -8
"""glibc's name for the number of heaps, in mallopt(3)."""
MAX_HEAPS = 2


def share_heaps() -> None:
    """Lets all threads share MAX_HEAPS heaps; call it before libraries start threads.

    By default there are up to eight for each core. The threads of each new daemon then allocate in
    other heaps than those before them, and the memory of the process grows with reloads.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, MAX_HEAPS)


def release_heaps() -> None:
    """Returns freed memory to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
