"""Reads files and tables, from a folder or from inside a zip file."""

import csv
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from converter.datasets.samples import DatasetError

MAX_NAMES = 5
"""Names given in a message."""
Root = Path | zipfile.Path
"""A folder or file, on disk or inside a zip."""
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError)
"""The errors by which Python's zip reader reports a damaged file."""


def open_archive(path: Path) -> Root:
    """Returns the root inside a zip file, or any other path unchanged; raises DatasetError."""
    if not path.is_file() or not (zipfile.is_zipfile(path) or path.suffix.lower() == ".zip"):
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

    It is the first one that `holds` what the layout consists of, inside a zip or not.
    """
    archive = open_archive(path)
    return next(filter(holds, (archive, *(archive / one for one in folders))), None)


def describe_content(path: Path) -> str:
    """Describes what a folder or a zip file contains, for a user who chose the wrong one."""
    root = open_archive(path)
    if not root.is_dir():
        return "it is a single file" if path.exists() else "it does not exist"
    names = sorted(one.name for one in root.iterdir())
    inner = [name for name in names if name.lower().endswith(".zip")]
    if inner:
        return f"it contains {inner[0]}; unpack that one"
    more = ", …" if len(names) > MAX_NAMES else ""
    return f"it contains {', '.join(names[:MAX_NAMES]) or 'nothing'}{more}"


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


def read_table(
    file: Root, columns: Sequence[str], **dialect: Any
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the rows below a header, each with its location for messages, FILE:ROW.

    A missing cell is an empty text. Raises DatasetError, also if one of `columns` is missing.
    """
    reader = csv.DictReader(io.StringIO(read_text(file)), restval="", **dialect)
    try:
        found = list(reader.fieldnames or ())
        if missing := [column for column in columns if column not in found]:
            raise DatasetError(
                f"{file}: the column {missing[0]} is missing; found {', '.join(found) or 'nothing'}"
            )
        for number, row in enumerate(reader, 1):
            yield f"{file}:{number}", row
    except csv.Error as error:
        raise DatasetError(f"{file}: not a table ({error})") from error
