"""Remembers the retained topics of a device, to remove those that it no longer uses."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path

logger = logging.getLogger(__name__)

FILE = "retained.json"
MACHINE_ID = Path("/etc/machine-id")


class Leftovers:
    """The topics that this device, under another name or with other settings, left at the broker.

    They are remembered in a file until the broker has removed them. A copy of that file on another
    machine, as in an image of a disk, counts for nothing: the topics are those of the original.
    """

    def __init__(
        self, file: Path | None, used: Iterable[str], machine_id: Path = MACHINE_ID
    ) -> None:
        self._file, self._machine = file, _machine(machine_id)
        self._used = list(used)
        self.topics = [one for one in self._known() if one not in self._used]
        """Topics to remove."""
        self._save()

    def forget(self, topic: str) -> None:
        """Forgets a topic that the broker has removed, or never will."""
        if topic in self.topics:
            self.topics.remove(topic)
            self._save()

    def _known(self) -> list[str]:
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
                stored = json.loads(self._file.read_bytes())
                if stored["machine"] == self._machine:
                    return [str(one) for one in stored["topics"]]
        return []

    def _save(self) -> None:
        topics = [*self._used, *self.topics]
        if self._file is None or topics == self._known():
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            stored = {"machine": self._machine, "topics": topics}
            self._file.write_text(json.dumps(stored), encoding="utf-8")
        except OSError as error:
            logger.warning(
                "%s: cannot be written (%s); what is published now will stay at the broker after "
                "the device is renamed",
                self._file,
                error.strerror,
            )


def _machine(file: Path) -> str:
    """Returns a name for this machine that does not reveal its identifier."""
    try:
        return hashlib.sha256(b"emotiond" + file.read_bytes().strip()).hexdigest()[:16]
    except OSError:
        return ""
