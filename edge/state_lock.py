"""Keeps a second daemon from using the same state folder."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

from edge.errors import ConfigError

FILE = "lock"


class StateLocks:
    """The folders that belong to this process until it ends."""

    def __init__(self) -> None:
        self._held: dict[Path, IO[bytes]] = {}

    def take(self, folder: Path) -> None:
        """Takes a folder; raises ConfigError if another process has it.

        A folder that cannot be written needs no lock: nothing is stored there.
        """
        if folder in self._held:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / FILE).open("ab")
        except OSError:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise ConfigError(
                f"state_folder {str(folder)!r} is in use by another emotiond; give each its own, "
                "and its own mqtt.device"
            ) from error
        except OSError:  # a file system without locks
            pass
        with contextlib.suppress(OSError):  # as on a full disk
            file.truncate(0)
            file.write(str(os.getpid()).encode())
            file.flush()
        self._held[folder] = file


def holder(folder: Path) -> int | None:
    """Returns the process that has taken a folder, None if there is none or it is not known."""
    try:
        with (folder / FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                number = file.read(20)
                return int(number) if number.isdigit() and int(number) > 1 else None
    except OSError:
        pass
    return None
