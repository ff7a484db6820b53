"""Where the files that ship with the package are."""

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
