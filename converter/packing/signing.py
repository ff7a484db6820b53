"""Signs bundles of model packs with Ed25519 (RFC 8032), for updates of devices."""

import getpass
import hashlib
import os
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge.errors import EmotiondError, ModelError, UpdateError
from edge.fusion.model import read_fusion
from edge.perception.pack import load_pack
from edge.updates.archive import new_list, write_bundle


def new_key(name: Path, passphrase: str) -> tuple[Path, Path]:
    """Writes a new pair of keys; returns the files of the private and the public one.

    Raises EmotiondError if one of the files exists. An empty passphrase leaves the key in clear.
    """
    private, public = name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pem")
    key = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    known = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for path, content, mode in ((private, secret, 0o600), (public, known, 0o644)):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise EmotiondError(f"{path}: cannot be made ({error.strerror})") from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    return private, public


def sign_bundle(paths: Iterable[Path], version: str, key: Path, folder: Path) -> tuple[Path, str]:
    """Writes the signed bundle `models-VERSION.tar` of packs, named by their manifests.

    A fusion file may be among them. Returns the file and its sha256. Raises EmotiondError.
    """
    files = [file for path in paths for file in _files(path)]
    created = datetime.now(timezone.utc).date().isoformat()
    content = new_list(files, version, created)
    signature = _private_key(key).sign(content)
    target = folder / f"models-{version}.tar"
    try:
        with target.open("w+b") as stream:
            write_bundle(stream, content, signature, files)
            stream.seek(0)
            return target, hashlib.sha256(stream.read()).hexdigest()
    except OSError as error:
        raise UpdateError(f"{target}: cannot be written ({error.strerror})") from error


def _files(path: Path) -> list[Path]:
    """Returns the files of a pack, or a fusion file; raises ModelError if it is neither."""
    try:
        read_fusion(path)
    except ModelError:
        pack = load_pack(path)
        return [path, path.parent / pack.manifest.file]
    return [path]


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        content = path.read_bytes()
        try:
            key = load_pem_private_key(content, None)
        except TypeError:  # it is encrypted
            passphrase = getpass.getpass(f"passphrase of {path}: ")
            key = load_pem_private_key(content, passphrase.encode())
    except OSError as error:
        raise EmotiondError(f"{path}: cannot read the key ({error.strerror})") from error
    except ValueError as error:
        raise EmotiondError(f"{path}: not a private key, or a wrong passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EmotiondError(f"{path}: not an Ed25519 key; make one with `emotion-convert new-key`")
    return key
