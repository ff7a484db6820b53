"""Finds and reads files, from a folder or from inside a zip file."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from converter.datasets.samples import DatasetError

MAX_NAMES = 5
"""Names given in a message."""
MAX_DEPTH = 5
"""Folders in folders that are looked into, with the first."""
Root = Path | zipfile.Path
"""A folder or file, on disk or inside a zip."""
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError)
"""The errors by which Python's zip reader reports a damaged file."""


def children(folder: Root) -> list[Root]:
    """Returns the files and folders in a folder, sorted by name, without hidden ones.

    A path that is not a folder has none.
    """
    if not folder.is_dir():
        return []
    visible = (one for one in folder.iterdir() if not one.name.startswith((".", "__MACOSX")))
    return sorted(visible, key=lambda one: one.name)


def is_zip(file: Root) -> bool:
    """Returns True if a file is called a zip file."""
    return file.name.lower().endswith(".zip")


def open_archive(path: Path) -> Root:
    """Returns the root inside a zip file, or any other path unchanged; raises DatasetError.

    A folder that contains a zip file and nothing else stands for that file.
    """
    inside = children(path)
    if len(inside) == 1 and is_zip(inside[0]):
        path /= inside[0].name
    if not path.is_file() or not (is_zip(path) or zipfile.is_zipfile(path)):
        return path
    try:
        return zipfile.Path(zipfile.ZipFile(path))
    except NotImplementedError as error:
        raise DatasetError(f"{path}: {error}; unpack it, and give the folder") from error
    except (*DAMAGED, OSError) as error:
        raise DatasetError(
            f"{path}: not a readable zip file ({error}); is it complete? Get it again"
        ) from error


def find_root(path: Path, folders: Sequence[str], holds: Callable[[Root], bool]) -> Root | None:
    """Returns the folder of a published layout: `path`, or one of `folders` in it, or None.

    It is the first one that `holds` what the layout consists of, inside a zip or not. While there
    is a single folder in `path`, as in many zip files, that one is searched as well.
    """
    tops = [open_archive(path)]
    while len(tops) < MAX_DEPTH:
        inside = [one for one in children(tops[-1]) if one.is_dir()]
        if len(inside) != 1:
            break
        tops += inside
    found = (one for top in tops for one in (top, *(top / name for name in folders)))
    return next(filter(holds, found), None)


def name_of(path: Path) -> str:
    """Returns the name of a user's own data set: that of its folder or zip file."""
    path = path.absolute()
    return path.stem if path.is_file() else path.name


def describe_content(path: Path) -> str:
    """Describes what a folder or a zip file contains, for a user who chose the wrong one."""
    root = open_archive(path)
    if not root.is_dir():
        return "it is a single file"
    inside = children(root)
    if packed := [one.name for one in inside if is_zip(one)]:
        which = "that one" if len(packed) == 1 else "the one that you need"
        return f"it contains {name_some(packed)}; unpack {which}"
    return f"it contains {name_some([one.name for one in inside]) or 'nothing'}"


def name_some(names: Sequence[str]) -> str:
    """Returns the first names, separated by commas."""
    return ", ".join([*names[:MAX_NAMES], *(["…"] if len(names) > MAX_NAMES else [])])


def first_reason(unusable: Sequence[str]) -> str:
    """Returns the end of a message about data of which nothing is usable; may be empty."""
    return f"; the first of {len(unusable)} left out: {unusable[0]}" if unusable else ""


def read_bytes(file: Root) -> bytes | str:
    """Reads a file; returns the reason if it cannot be read."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, KeyError):
        return "missing"
    except NotImplementedError as error:
        return f"{error}; unpack the zip with another program, and give the folder"
    except RuntimeError:
        return "encrypted; unpack the zip with its password, and give the folder"
    except DAMAGED:
        return "damaged in the zip; download or create the zip again"
    except OSError as error:
        return error.strerror or str(error)


def read_text(file: Root) -> str:
    """Reads a file as UTF-8; raises DatasetError."""
    data = read_bytes(file)
    if isinstance(data, str):
        raise DatasetError(f"{file}: cannot be read: {data}")
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: cannot be read ({error})") from error
