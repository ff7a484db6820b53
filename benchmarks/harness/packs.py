"""Packs around models that are not in a pack."""

import hashlib
import json
from pathlib import Path

from edge.resources import MODELS


def speech_pack_of(model: bytes, folder: Path) -> Path:
    """Writes a model as a pack with the manifest of the speech model that ships."""
    manifest = json.loads((MODELS / "speech.json").read_bytes())
    manifest["sha256"] = hashlib.sha256(model).hexdigest()
    (folder / "speech.tflite").write_bytes(model)
    path = folder / "speech.json"
    path.write_text(json.dumps(manifest))
    return path
