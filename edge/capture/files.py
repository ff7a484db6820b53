"""Opens files that others named, without waiting for any."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import SourceError

NOT_FILES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe; write what comes through it into a file",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def form_of(path: Path) -> int:
    """Returns whether a path is a file, a folder and so on, as `stat.S_IFMT` does.

    0 for what does not exist, and for what the system does not let be looked at.
    """
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError):
        return 0


def open_regular(path: Path, name: str = "") -> int:
    """Returns the file descriptor of a file, opened for reading; raises SourceError.

    Errors call it `name`, by default by its path. It never waits: a named pipe is refused.
    """
    name = name or str(path)
    try:
        form = stat.S_IFMT(path.stat().st_mode)
        if form != stat.S_IFREG:
            raise SourceError(f"{name}: not a file but {NOT_FILES.get(form, 'something else')}")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(f"{name}: no such file") from error
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error


@contextmanager
def open_file(path: Path) -> Iterator[int]:
    """Opens a file as `open_regular` does, and closes it; raises SourceError."""
    descriptor = open_regular(path)
    try:
        yield descriptor
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)


def unreadable(path: object, error: Exception) -> SourceError:
    """Returns the error about a file or folder that the system does not let be read."""
    reason = error.strerror if isinstance(error, OSError) else None
    return SourceError(f"{path}: cannot read it ({reason or error})")
