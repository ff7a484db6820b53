"""Decodes files: in this process, or in one of its own that a damaged file may end.

Decoders are large native libraries, and some file can always make one of them crash, hang or take
all memory. `ContainedDecoder` lets that cost only the file.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edge.capture.decoding import Job, Piece, Worker
from edge.capture.frames import read_frames
from edge.capture.pictures import read_picture
from edge.capture.sounds import read_sound
from edge.config import Files
from edge.errors import SourceError
from edge.values import Frame, Pixels, Sound

log = logging.getLogger(__name__)


class Decoder(Protocol):
    """Reads media files; every method raises SourceError."""

    def picture(self, path: Path) -> Pixels:
        """Reads a picture as uint8 HxWx3 BGR, turned upright."""

    def frames(self, path: Path, fps: float) -> Iterator[Frame]:
        """Yields at most `fps` frames a second of a video file."""

    def sound(self, path: Path) -> Sound:
        """Reads the whole sound of a file, int16[samples] at 16 kHz."""


class DirectDecoder:
    """Decodes in this process."""

    def __init__(self, limits: Files) -> None:
        self._limits = limits

    def picture(self, path: Path) -> Pixels:
        """Reads a picture as uint8 HxWx3 BGR, turned upright; raises SourceError."""
        return read_picture(path, self._limits)

    def frames(self, path: Path, fps: float) -> Iterator[Frame]:
        """Yields at most `fps` frames a second of a video file; raises SourceError."""
        return read_frames(path, fps, self._limits)

    def sound(self, path: Path) -> Sound:
        """Reads the whole sound of a file, int16[samples] at 16 kHz; raises SourceError."""
        return read_sound(path, limits=self._limits)


class ContainedDecoder:
    """Decodes in processes of its own, which are started when needed and used again.

    Every method raises InstallationError too, if no file can be decoded. Thread-safe.
    Close it, or use it as a context manager.
    """

    def __init__(self, limits: Files) -> None:
        self._limits = limits
        self._idle: list[Worker] = []
        with suppress(OSError):  # the first file reports that
            # It loads its libraries while the caller loads models.
            self._idle.append(Worker(limits))

    def picture(self, path: Path) -> Pixels:
        """Reads a picture as uint8 HxWx3 BGR, turned upright; raises SourceError."""
        (piece,) = self._pieces(Job("picture", bytes(path)))
        return piece.pixels

    def frames(self, path: Path, fps: float) -> Iterator[Frame]:
        """Yields at most `fps` frames a second of a video file; raises SourceError."""
        for piece in self._pieces(Job("frames", bytes(path), fps)):
            yield Frame(piece.pixels, piece.answer.time_s)

    def sound(self, path: Path) -> Sound:
        """Reads the whole sound of a file, int16[samples] at 16 kHz; raises SourceError."""
        (piece,) = self._pieces(Job("sound", bytes(path)))
        for warning in piece.answer.warnings:
            log.warning("%s", warning)
        return piece.sound

    def close(self) -> None:
        """Ends the idle processes."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "ContainedDecoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pieces(self, job: Job) -> Iterator[Piece]:
        worker = self._worker(job)
        try:
            yield from worker.pieces(job)
        finally:
            if worker.is_idle:
                self._idle.append(worker)
            else:
                worker.close()

    def _worker(self, job: Job) -> Worker:
        """Returns a process that runs; one may have been ended while it had nothing to do."""
        with suppress(IndexError):
            while not (worker := self._idle.pop()).is_idle:
                worker.close()
            return worker
        try:
            return Worker(self._limits)
        except OSError as error:
            name = os.fsdecode(job.path)
            raise SourceError(
                f"{name}: no process can be started to decode it ({error.strerror})"
            ) from error
