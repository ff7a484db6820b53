"""Where files are: those that ship with the package, and those that the daemon keeps."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "share"
_SHIPPED = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent

MODELS = _SHIPPED / "models"
"""The model packs."""
SAMPLES = _SHIPPED / "samples"
"""The clips that the demo and the benchmark play."""
CONFIGS = _SHIPPED / "configs"
"""default.yaml and the other example configurations."""


def state_folder(configured: str) -> Path:
    """Where the daemon remembers things: as configured, or as systemd says, or in the home."""
    told = configured or os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if told:  # a service's user may have no home
        return Path(told)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state", "emotiond")
