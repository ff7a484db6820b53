"""Tells pictures, sounds and videos apart by their first bytes, and by name where these are none.

Names are often wrong: a phone calls a JPEG `.jfif`, and a download has no suffix at all.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge.errors import SourceError

Kind = Literal["picture", "sound", "video"]
"""A `video` may have pictures, sound, or both."""

PICTURES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg"}
    | {".jp2", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
SOUNDS = frozenset(
    {".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".m4b"}
    | {".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav", ".wma"}
)
VIDEOS = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"}
    | {".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys(PICTURES, "picture"),
    **dict.fromkeys(SOUNDS, "sound"),
    **dict.fromkeys(VIDEOS, "video"),
}

HIDDEN = (".", "__MACOSX")
"""Starts of the names of files and folders that are not for users."""
HEAD_BYTES = 512
"""Bytes from the start of a file that `kind_of_bytes` needs."""
TS_PACKET_BYTES = 188
STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "picture"),  # JPEG
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"GIF8", "picture"),
    (b"II*\0", "picture"),  # TIFF
    (b"MM\0*", "picture"),
    (b"\0\0\0\x0cjP  ", "picture"),  # JPEG 2000
    (b"\0\0\0\x0cJXL ", "picture"),
    (b"fLaC", "sound"),
    (b"ID3", "sound"),
    (b"caff", "sound"),
    (b".snd", "sound"),
    (b"#!AMR", "sound"),
    (b"riff\x2e\x91\xcf\x11", "sound"),  # Wave64
    (b"OggS", "video"),
    (b"\x1a\x45\xdf\xa3", "video"),  # Matroska, WebM
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"),  # ASF
    (b"FLV\x01", "video"),
    (b"\0\0\x01\xba", "video"),  # MPEG
    (b"\0\0\x01\xb3", "video"),
)
FORMS: dict[tuple[bytes, bytes], Kind] = {
    (b"RIFF", b"WEBP"): "picture",
    (b"RIFF", b"WAVE"): "sound",
    (b"RIFX", b"WAVE"): "sound",
    (b"RF64", b"WAVE"): "sound",
    (b"BW64", b"WAVE"): "sound",
    (b"FORM", b"AIFF"): "sound",
    (b"FORM", b"AIFC"): "sound",
    (b"RIFF", b"AVI "): "video",
}
"""Kinds of chunked files, by their first four bytes and their form type."""
PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
"""Brands of the pictures among the files of the ISO base media format."""


def kind_of_bytes(head: bytes) -> Kind | None:
    """Returns what the first HEAD_BYTES of a file show it to be; None if they do not."""
    if (form := FORMS.get((head[:4], head[8:12]))) is not None:
        return form
    if head[4:8] == b"ftyp":
        return "picture" if head[8:12] in PICTURE_BRANDS else "video"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "picture"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "picture"  # PBM, PGM, PPM
    if head[:1] == b"\x47" and head[TS_PACKET_BYTES : TS_PACKET_BYTES + 1] == b"\x47":
        return "video"  # MPEG transport stream
    return next((kind for start, kind in STARTS if head.startswith(start)), None)


def kind_of(path: Path) -> Kind | None:
    """Returns the kind of a file by its first bytes, else by its suffix, else None.

    Raises SourceError if it cannot be read.
    """
    by_name = SUFFIXES.get(path.suffix.lower())
    if not path.exists():
        return by_name  # whoever reads it will report that
    with open_file(path) as file:
        return kind_of_bytes(os.read(file, HEAD_BYTES)) or by_name


def open_regular(path: Path, name: str = "") -> int:
    """Returns the file descriptor of a file, opened for reading; raises SourceError.

    Errors call it `name`, by default by its path.
    It never waits: a named pipe is refused.
    """
    name = name or str(path)
    if not path.exists():
        raise SourceError(f"{name}: no such file")
    if not path.is_file():
        raise SourceError(f"{name}: not a file")
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{name}: cannot read it ({error.strerror})") from error


@contextmanager
def open_file(path: Path) -> Iterator[int]:
    """Opens a file as `open_regular` does, and closes it; raises SourceError."""
    descriptor = open_regular(path)
    try:
        yield descriptor
    except OSError as error:
        raise SourceError(f"{path}: cannot read it ({error.strerror or error})") from error
    finally:
        os.close(descriptor)


def media_files(folder: Path) -> tuple[list[Path], str]:
    """Returns the files in a folder and below that can be read, and the others by suffix.

    Hidden ones do not count: other systems leave `._NAME` beside each file.
    """
    files, skipped = [], Counter[str]()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)
        if hidden or not path.is_file():
            continue
        if _is_media(path):
            files.append(path)
        else:
            skipped[path.suffix.lower() or "without a suffix"] += 1
    return files, ", ".join(f"{count} {suffix}" for suffix, count in sorted(skipped.items()))


def _is_media(path: Path) -> bool:
    """Returns True for a file of a known kind, and for one that will be reported as unreadable."""
    try:
        return kind_of(path) is not None
    except SourceError:
        return path.suffix.lower() in SUFFIXES
