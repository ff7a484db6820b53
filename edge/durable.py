"""Files that survive a power failure, and that no other process can make this one wait for."""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_S = 10.0
"""Longest wait for a lock: a worn SD card may stall whoever holds it."""
POLL_S = 0.01


def replace(path: Path, content: bytes) -> None:
    """Replaces a file by one rename, so that there is always the old or the new one."""
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Makes a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_plain(path: Path, max_bytes: int) -> bytes:
    """Returns the start of a plain file; raises OSError for a link, a pipe or a device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a plain file")
        return file.read(max_bytes)


@contextlib.contextmanager
def locked(path: Path, wait_s: float = LOCK_S) -> Iterator[None]:
    """Holds the lock of a file; raises OSError, a TimeoutError if another holds it too long."""
    with path.open("ab") as file:
        deadline_s = time.monotonic() + wait_s
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline_s:
                raise TimeoutError(0, "another process is changing it")
            time.sleep(POLL_S)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
