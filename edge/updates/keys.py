"""Keys that the owner trusts: Ed25519 (RFC 8032) public keys in PEM files."""

import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edge.errors import UpdateError

MAX_KEY_BYTES = 4096
WRITABLE = stat.S_IWGRP | stat.S_IWOTH


class TrustedKeys:
    """The keys `NAME.pem` of a folder. Raises UpdateError if there is none, or one is unusable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            _refuse_writable(folder)
            self._keys = {one.stem: _read(one) for one in sorted(folder.glob("*.pem"))}
        except OSError as error:
            raise UpdateError(
                f"{error.filename}: cannot read the trusted keys ({error.strerror})"
            ) from error
        if not self._keys:
            raise UpdateError(f"{folder}: no key (NAME.pem) in it, so no models are trusted")

    def check(self, message: bytes, signature: bytes) -> str:
        """Returns the name of the key that signed a message; raises UpdateError if none did."""
        for name, key in self._keys.items():
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return name
        raise UpdateError(
            f"the signature is not by a trusted key ({self._folder} has {', '.join(self._keys)})"
        )


def _refuse_writable(path: Path) -> None:
    if path.stat().st_mode & WRITABLE:
        raise UpdateError(f"{path}: others than its owner can write to it: chmod go-w {path}")


def _read(path: Path) -> Ed25519PublicKey:
    _refuse_writable(path)
    with path.open("rb") as file:
        content = file.read(MAX_KEY_BYTES)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UpdateError(f"{path}: not a public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UpdateError(f"{path}: not an Ed25519 key")
    return key
