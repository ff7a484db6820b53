"""Locates the files that ship with the package and those that the daemon keeps."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "share"
_SHIPPED = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent

MODELS = _SHIPPED / "models"
"""The model packs."""
SAMPLES = _SHIPPED / "samples"
"""Clips for the demo and the benchmark."""
CONFIGS = _SHIPPED / "configs"
"""default.yaml and example configurations."""


def cache_folder() -> Path | None:
    """Returns the folder of what can be made again, None for a user without a home."""
    if given := os.environ.get("CACHE_DIRECTORY", "").split(":")[0]:  # set by systemd
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "emotiond")
    except RuntimeError:
        return None


def state_folder(configured: str) -> Path:
    """Returns the daemon's state folder: as configured, set by systemd, or in the user's home."""
    folder = configured or os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if folder:  # a service's user may have no home
        return Path(folder)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state", "emotiond")
