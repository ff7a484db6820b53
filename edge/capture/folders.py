"""Finds what can be read in folders."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge.capture.files import unreadable
from edge.capture.kinds import SUFFIXES, kind_of
from edge.errors import SourceError

HIDDEN = (".", "__MACOSX")
"""Starts of the names of files and folders that are not for users."""


@dataclass(frozen=True)
class Folder:
    """What is in a folder and in those below."""

    files: tuple[Path, ...]
    """Pictures, sounds and videos, sorted."""
    skipped: str
    """Number of all other files by suffix; empty without any."""
    unread: tuple[tuple[Path, SourceError], ...]
    """Folders that could not be read, and why."""


def media_files(folder: Path) -> Folder:
    """Returns what is in a folder and below.

    Hidden files do not count: other systems leave `._NAME` beside each file.
    """
    files: list[Path] = []
    skipped = Counter[str]()
    unread: list[tuple[Path, SourceError]] = []

    def note(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename))
        unread.append((path, unreadable(path, error)))

    for top, below, names in os.walk(folder, onerror=note):
        below[:] = (name for name in below if not name.startswith(HIDDEN))
        for path in (Path(top, name) for name in names if not name.startswith(HIDDEN)):
            if _is_media(path):
                files.append(path)
            else:
                skipped[path.suffix.lower() or "without a suffix"] += 1
    counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(skipped.items()))
    return Folder(tuple(sorted(files)), counts, tuple(sorted(unread, key=lambda one: one[0])))


def _is_media(path: Path) -> bool:
    """Returns True for a file of a known kind, and for one that will be reported as unreadable."""
    try:
        return kind_of(path) not in (None, "text")
    except SourceError:
        return path.suffix.lower() in SUFFIXES
