"""Writes bundles of files that are in one folder."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge.errors import UpdateError
from edge.updates.bundle import LIST, SIGNATURE, Bundle, Entry


def new_list(files: Iterable[Path], version: str, created: str) -> bytes:
    """Returns the list of a new bundle, to be signed; raises UpdateError."""
    entries: dict[str, Entry] = {}
    for path in files:
        content = _read(path)
        if path.name in entries:
            raise UpdateError(f"{path}: a bundle has one file of each name")
        entries[path.name] = Entry(hashlib.sha256(content).hexdigest(), len(content))
    bundle = {"version": version, "created": created, "files": entries}
    try:
        checked = msgspec.convert(msgspec.to_builtins(bundle), Bundle)
    except msgspec.ValidationError as error:
        raise UpdateError(f"this cannot be a bundle: {error}") from error
    return msgspec.json.format(msgspec.json.encode(checked), indent=1)


def write_bundle(stream: BinaryIO, content: bytes, signature: bytes, files: Iterable[Path]) -> None:
    """Writes a bundle; the same files and list give the same bytes. Raises UpdateError."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, LIST, content)
        _add(archive, SIGNATURE, signature)
        for path in files:
            _add(archive, path.name, _read(path))


def pack_folder(folder: Path, stream: BinaryIO) -> None:
    """Writes the bundle that is unpacked in a folder; whoever reads it checks it."""
    files = sorted(one for one in folder.iterdir() if one.name not in (LIST, SIGNATURE))
    write_bundle(stream, _read(folder / LIST), _read(folder / SIGNATURE), files)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UpdateError(f"{path}: cannot read it ({error.strerror})") from error
