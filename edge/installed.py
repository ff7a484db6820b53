"""The files of an installed bundle of models."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError


@dataclass(frozen=True)
class InstalledFiles:
    """A folder, and what a trusted key signed of it; nothing else in it is used."""

    folder: Path
    sha256: Mapping[str, str]
    """By name of the file."""


def check_signed(path: Path, content: bytes, sha256: str) -> None:
    """Raises ModelError unless the content of a file is what was signed; an empty hash fits all."""
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(
            f"{path}: it has changed since its signature was checked; install the bundle again"
        )
