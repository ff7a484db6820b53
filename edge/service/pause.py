"""The pause: while it is on, by request or by the hour, nothing is captured."""

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
        self._is_quiet = False
        self.running = threading.Event()
        """Set while devices may be open."""
        try:
            was_on = self._file.exists()
        except OSError as error:
            was_on = True  # it may be, and then nothing may be captured
            logger.error(
                "%s: cannot be read (%s); paused, as the device may have been: make the folder "
                "readable, or send `off` to set/pause",
                self._file,
                error.strerror,
            )
        self.is_wanted = was_on
        """True if somebody has asked for it."""
        if was_on:
            logger.info("still paused, as before the restart")
        self._apply()

    @property
    def is_on(self) -> bool:
        """True while capture is paused."""
        return not self.running.is_set()

    def switch(self, on: bool) -> str:
        """Sets the switch; may be called from any thread.

        Returns why a restart will undo this, empty if it will not.
        """
        quiet = "quiet_hours still apply" if self._is_quiet and not on else ""
        if on == self.is_wanted:
            return quiet
        fault, self.is_wanted = quiet, on
        logger.info("paused: nothing is captured" if on else "resumed")
        if on:
            self._apply()
        try:
            if on:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("wb") as file:
                    os.fsync(file.fileno())
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            fault = (
                f"the pause cannot be stored ({error.strerror}); a restart will undo this change"
            )
            logger.warning("%s: %s", self._file, fault)
        self._apply()
        return fault

    def set_quiet(self, quiet: bool) -> None:
        """Notes whether these are quiet hours, for which nobody needs to ask."""
        if quiet != self._is_quiet:
            logger.info("quiet hours: nothing is captured" if quiet else "quiet hours are over")
            self._is_quiet = quiet
            self._apply()

    def _apply(self) -> None:
        if self.is_wanted or self._is_quiet:
            self.running.clear()
        else:
            self.running.set()
