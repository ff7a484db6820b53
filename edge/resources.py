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
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(told or Path(home, "emotiond"))
