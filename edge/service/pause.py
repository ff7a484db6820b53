"""The pause switch: while it is on, nothing is captured."""

import logging
import os
import threading
from pathlib import Path

logger = logging.getLogger(__name__)

FILE = "paused"


class Pause:
    """A switch stored in the state folder, so that a restart does not end a pause."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self.running = threading.Event()
        """Set while devices may be open."""
        if self._file.exists():
            logger.info("still paused, as before the restart")
        else:
            self.running.set()

    @property
    def is_on(self) -> bool:
        """True while capture is paused."""
        return not self.running.is_set()

    def switch(self, on: bool) -> None:
        """Sets the switch; may be called from any thread."""
        if on == self.is_on:
            return
        logger.info("paused: nothing is captured" if on else "resumed")
        if on:
            self.running.clear()
        try:
            if on:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("wb") as file:
                    os.fsync(file.fileno())
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            logger.warning(
                "%s: the pause cannot be stored (%s); a restart will undo this change",
                self._file,
                error.strerror,
            )
        if not on:
            self.running.set()
