"""The off switch: while it is on, nothing is captured."""

import logging
import os
import threading
from pathlib import Path

logger = logging.getLogger(__name__)

FILE = "paused"


class Pause:
    """Remembered in the state folder, so that a restart does not capture what nobody allowed."""

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
        """Whether nothing may be captured."""
        return not self.running.is_set()

    def turn(self, on: bool) -> None:
        """Switches; may be called from any thread."""
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
                "%s: the pause cannot be remembered (%s); after a restart the switch is as before",
                self._file,
                error.strerror,
            )
        if not on:
            self.running.set()
