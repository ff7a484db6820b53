"""Keeps the folders of this device out of what it publishes; its own log names them."""

import re
from collections.abc import Iterable
from pathlib import Path

from edge.config import Config

OTHER_FOLDERS = re.compile(r"(?<![\w:/.…])/(?!dev/)(?:[^\s/:;,'\"()]+/)+")
"""Folders of absolute paths without spaces; a device's node says what to plug in."""


class Reasons:
    """Makes reasons, which quote errors, fit for everybody who may subscribe."""

    def __init__(self, config: Config, state_folder: Path) -> None:
        sources = (config.camera.source, config.microphone.source)
        files = [Path(one) for one in sources if isinstance(one, str) and "://" not in one]
        folders = [*(one.parent for one in files), Path(config.models.folder), state_folder]
        self._folders = _longest_first(folders)

    def published(self, reason: str) -> str:
        """Returns a reason that names files without their folders."""
        for folder in self._folders:
            reason = reason.replace(folder, "")
        return OTHER_FOLDERS.sub("", reason)


def _longest_first(folders: Iterable[Path]) -> list[str]:
    kept = {f"{one}/" for one in folders if one not in {Path(), Path("/"), Path("/dev")}}
    return sorted(kept, key=len, reverse=True)
