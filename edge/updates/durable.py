"""Writes that survive a power failure."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Replaces a file by one rename, so that there is always the old or the new one."""
    draft = path.with_name(f"{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
