"""Remembers the episodes that have not ended, to end them after a crash."""

import contextlib
import logging
from pathlib import Path

import msgspec

from edge.publish.messages import EventMessage

logger = logging.getLogger(__name__)

FILE = "episodes.json"


class Unfinished:
    """The newest event of each episode without an end, in a file.

    The file survives the end of the process at any moment. A power failure may cost it the changes
    of the last seconds: an `fsync` for each would wear out an SD card.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._newest: dict[str, EventMessage] = {}
        self._is_logged = False

    def take(self) -> list[EventMessage]:
        """Returns the events that end what an earlier process left unfinished, and forgets them.

        They have the time and the figures of the last event of their episode.
        """
        left: list[EventMessage] = []
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError, RecursionError, msgspec.MsgspecError):
                left = msgspec.json.decode(self._file.read_bytes(), type=list[EventMessage])
            with contextlib.suppress(OSError):
                self._file.unlink()
        return [_ended(one) for one in left]

    def note(self, event: EventMessage) -> None:
        """Notes an event that is published."""
        if event.data.phase == "end":
            if self._newest.pop(event.id, None) is None:
                return
        else:
            self._newest[event.id] = event
        self._save()

    def _save(self) -> None:
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(msgspec.json.encode(list(self._newest.values())))
            new.replace(self._file)
        except OSError as error:
            if not self._is_logged:
                self._is_logged = True
                logger.warning(
                    "%s: cannot be written (%s); after a crash, episodes stay without an end",
                    self._file,
                    error.strerror,
                )


def _ended(event: EventMessage) -> EventMessage:
    data = msgspec.structs.replace(
        event.data, phase="end", sequence=event.data.sequence + 1, replayed=True
    )
    return msgspec.structs.replace(event, data=data)
