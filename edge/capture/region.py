"""A part of an open file as a file of its own, with other bytes in front of it if need be."""

import io
import os
from typing import Any


class Region(io.RawIOBase):
    """`head`, then `length` bytes of the open file from `start` on.

    Decoders read it instead of a path: a path may not be text, or look like an address.
    """

    def __init__(self, file: int, start: int = 0, length: int | None = None, head: bytes = b""):
        self._file, self._start, self._head = file, start, head
        rest = os.fstat(file).st_size - start
        self._length = len(head) + max(rest if length is None else min(length, rest), 0)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(origin + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        wanted = max(min(len(view), self._length - self._at), 0)
        data = self._head[self._at : self._at + wanted]
        if len(data) < wanted:
            inside = self._at + len(data) - len(self._head)
            data += os.pread(self._file, wanted - len(data), self._start + inside)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
