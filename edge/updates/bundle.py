"""Bundles: model packs under one version, with a signed list of their files.

A bundle is a tar file (POSIX ustar, not compressed). Its first two members are `bundle.json`, the
list, and `bundle.sig`, the 64 bytes of its Ed25519 signature; the listed files follow. Nothing
after the signature is read before that has been checked, and a member that is not a plain file with
a listed name, size and hash ends the reading, so an archive cannot name a path, a link or a device.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import msgspec
from msgspec import Meta

from edge.durable import read_plain, sync
from edge.errors import UpdateError
from edge.updates.version import Hash, Version

if TYPE_CHECKING:  # what it imports takes memory
    from edge.updates.keys import TrustedKeys

LIST, SIGNATURE = "bundle.json", "bundle.sig"
MAX_LIST_BYTES, SIGNATURE_BYTES = 65_536, 64
BLOCK, CHUNK = tarfile.BLOCKSIZE, 1 << 20

FileName = Annotated[str, Meta(pattern=r"^(?!bundle\.)[A-Za-z0-9][A-Za-z0-9._-]{0,90}\Z")]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle."""

    sha256: Hash
    size: Annotated[int, Meta(ge=0)]
    """Bytes."""


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The list of a bundle, which is what is signed."""

    type: Literal["emotiond.bundle"] = "emotiond.bundle"
    format: Literal[1] = 1
    version: Version
    created: str
    """RFC 3339 date."""
    files: Annotated[dict[FileName, Entry], Meta(min_length=1, max_length=64)]

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(one.size for one in self.files.values())

    @property
    def hashes(self) -> dict[str, str]:
        """sha256 of each file."""
        return {name: one.sha256 for name, one in self.files.items()}


def checked_list(content: bytes, signature: bytes, keys: "TrustedKeys") -> Bundle:
    """Returns a list if a trusted key signed it; raises UpdateError."""
    keys.check(content, signature)
    try:
        return msgspec.json.decode(content, type=Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpdateError(f"{LIST}: signed, but not a list that this version reads") from error


class BundleReader:
    """Reads a bundle from its start. Raises UpdateError if no trusted key signed it."""

    def __init__(self, stream: BinaryIO, keys: "TrustedKeys") -> None:
        self._stream = stream
        self._content = self._small(LIST, MAX_LIST_BYTES)
        self._signature = self._small(SIGNATURE, SIGNATURE_BYTES)
        self.bundle = checked_list(self._content, self._signature, keys)

    def extract(self, folder: Path) -> None:
        """Writes all files into a new folder, and makes them durable.

        Raises UpdateError if the bundle does not have exactly the listed files, and OSError.
        """
        folder.mkdir(parents=True)
        _write(folder / LIST, iter([self._content]))
        _write(folder / SIGNATURE, iter([self._signature]))
        missing = dict(self.bundle.files)
        while missing:
            name, size = self._header()
            entry = missing.pop(name, None)
            if entry is None:
                raise UpdateError(f"{name!r} is in the bundle, but not in its list")
            if size != entry.size:
                raise UpdateError(f"{name} has {size} bytes, the list says {entry.size}")
            if _write(folder / name, self._content_of(size)) != entry.sha256:
                raise UpdateError(f"{name} is damaged: its sha256 is not the one in the list")
        sync(folder)

    def _small(self, name: str, max_bytes: int) -> bytes:
        other = f"not a bundle of models: it does not start with {LIST} and {SIGNATURE}"
        try:
            found, size = self._header()
        except UpdateError as error:
            raise UpdateError(other) from error
        if found != name or size > max_bytes:
            raise UpdateError(other)
        return b"".join(self._content_of(size))

    def _header(self) -> tuple[str, int]:
        """Returns the name and size of the next file."""
        block = self._read(BLOCK)
        try:
            member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise UpdateError("the bundle is damaged; copy it again") from error
        if not member.isreg() or member.issparse() or member.size < 0:
            raise UpdateError(f"{member.name!r} in the bundle is not a plain file")
        return member.name, member.size

    def _content_of(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, CHUNK):
            yield self._read(min(CHUNK, size - start))
        self._read(-size % BLOCK)

    def _read(self, size: int) -> bytes:
        content = self._stream.read(size)
        if len(content) < size:
            raise UpdateError("the bundle ends too early; copy it again")
        return content


def check_unpacked(
    folder: Path, version: str, keys: "TrustedKeys", target: Path | None = None
) -> Bundle:
    """Returns the list of an unpacked bundle if a trusted key signed it and all files are whole.

    `target` is a folder for a copy of the files, made of the very bytes that were checked. Raises
    UpdateError, and OSError if the copy cannot be written.
    """
    content = _unpacked(folder, LIST, MAX_LIST_BYTES)
    bundle = checked_list(content, _unpacked(folder, SIGNATURE, SIGNATURE_BYTES), keys)
    if bundle.version != version:
        raise UpdateError(f"version {version} is damaged: what is there is {bundle.version}")
    for name, entry in bundle.files.items():
        content = _unpacked(folder, name, entry.size + 1)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise UpdateError(
                f"version {version}: {name} is damaged: its sha256 is not the one in the list"
            )
        if target is not None:
            (target / name).write_bytes(content)
    return bundle


def _unpacked(folder: Path, name: str, max_bytes: int) -> bytes:
    try:
        return read_plain(folder / name, max_bytes)
    except OSError as error:
        raise UpdateError(
            f"version {folder.name}: {name}: cannot read it ({error.strerror})"
        ) from error


def _write(path: Path, chunks: Iterator[bytes]) -> str:
    """Writes a new file, durably; returns its sha256."""
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
