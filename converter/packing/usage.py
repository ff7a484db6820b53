"""Says how a pack is used."""

from pathlib import Path


def usage(modality: str, manifest: Path) -> str:
    """Returns a line with the configuration that makes a device use a pack."""
    return f"use it: models: {{{modality}: {{model: {manifest.resolve()}}}}}"
