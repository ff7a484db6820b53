"""Keeps a second daemon from using the same state folder."""

import fcntl
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
        self._held[folder] = file
