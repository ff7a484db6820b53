"""Signed bundles of models, and the keys that sign them."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from converter.packing.signing import new_key, sign_bundle
from edge.resources import MODELS
from edge.updates.bundle import BundleReader
from edge.updates.keys import TrustedKeys
from edge.updates.store import ModelStore


class Signer:
    """An owner with a key that devices trust, and a stranger with another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trusted = folder / "keys"
        self.trusted.mkdir(parents=True)
        self.key, public = new_key(folder / "owner", "")
        shutil.copy(public, self.trusted)
        self.strange_key, _ = new_key(folder / "stranger", "")

    def sign(self, version: str, *paths: Path, key: Path | None = None) -> Path:
        """Returns the bundle of some packs; of the shipped fusion file without any."""
        folder = self._folder / f"signed-{len(list(self._folder.iterdir()))}"
        folder.mkdir()
        files = paths or (MODELS / "fusion.json",)
        return sign_bundle(files, version, key or self.key, folder)[0]


def put_on_trial(store: ModelStore, bundle: Path, keys: Path) -> str:
    """Installs a bundle without the checks of its packs; returns its version."""
    with store.locked(), bundle.open("rb") as stream:
        reader = BundleReader(stream, TrustedKeys(keys))
        store.begin(reader.bundle.version, sha256(bundle))
        reader.extract(store.incoming)
        store.adopt(reader.bundle.version)
        store.switch(reader.bundle.version)
    return reader.bundle.version


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def changed_pack(folder: Path, name: str, **changes: Any) -> Path:
    """Returns a copy of a shipped pack with another manifest."""
    folder.mkdir(exist_ok=True)
    manifest = json.loads((MODELS / f"{name}.json").read_bytes()) | changes
    shutil.copy(MODELS / f"{name}.tflite", folder)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(manifest))
    return path
