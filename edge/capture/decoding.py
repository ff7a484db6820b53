"""The process that decodes files for another one, and the messages between the two.

Messages are MessagePack, never pickles: what a damaged file makes of the decoder cannot run code in
the process that asked.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edge.config import Files
from edge.errors import MissingExtraError, NoTrackError, SourceError, describe
from edge.machine import rss_mb
from edge.values import Pixels, Sound

PATIENCE_S = 120.0
"""Longest wait for the next answer: an hour of sound on a small board takes less."""
WORN_MB = 400.0
BASE_BYTES, BYTES_PER_PIXEL = 800_000_000, 16
"""Memory that decoding may take: besides its libraries, and for each pixel that is allowed."""
ROOT = Path(__file__).resolve().parents[2]
# Without the current folder, whose modules Python would import: it may be one of strange files.
START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from edge.capture.decoding import serve; serve(int(sys.argv[1]))"
)
ERRORS = {one.__name__: one for one in (SourceError, NoTrackError, MissingExtraError)}


Samples = Pixels | Sound


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A file to decode."""

    kind: Literal["picture", "frames", "sound"]
    path: bytes
    fps: float = 0.0


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a decoded file, its end, or an error; the samples of a piece are sent after it."""

    shape: tuple[int, ...] = ()
    time_s: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    error_type: str = ""
    is_last: bool = False
    is_worn: bool = False
    """True if the process has taken so much memory that another one should read the next file."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Piece:
    """A piece of a decoded file."""

    answer: Answer
    samples: npt.NDArray[np.uint8]

    @property
    def pixels(self) -> Pixels:
        """The picture, uint8 HxWx3 BGR."""
        return self.samples.reshape(self.answer.shape)

    @property
    def sound(self) -> Sound:
        """The sound, int16[samples]."""
        return self.samples.view(np.int16)


class Worker:
    """A process that decodes one file after another; not thread-safe."""

    def __init__(self, limits: Files) -> None:
        self._connection, theirs = Pipe()
        python_path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(  # noqa: S603 - it starts this very package
            [sys.executable, "-c", START, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # where decoders write lines of their own
            env={**os.environ, "PYTHONPATH": python_path},
        )
        theirs.close()
        self.is_idle = True
        """False while a job is not finished, and after the process has failed."""
        self._send(msgspec.msgpack.encode(limits))

    @property
    def process_id(self) -> int:
        """Number of the process."""
        return self._process.pid

    def pieces(self, job: Job) -> Iterator[Piece]:
        """Yields the pieces of a decoded file; raises SourceError."""
        self.is_idle = False
        name = os.fsdecode(job.path)
        self._send(msgspec.msgpack.encode(job))
        while not (answer := self._receive(name)).is_last:
            yield Piece(answer, self._receive_samples(name))
        self.is_idle = not answer.is_worn
        if answer.error:
            raise ERRORS.get(answer.error_type, SourceError)(answer.error)

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # if it has ended, the next answer reports that
            self._connection.send_bytes(message)

    def _receive(self, name: str) -> Answer:
        with self._failures(name):
            if not self._connection.poll(PATIENCE_S):
                raise SourceError(f"{name}: not decoded within {PATIENCE_S:.0f} s; is it damaged?")
            return msgspec.msgpack.decode(self._connection.recv_bytes(), type=Answer)

    def _receive_samples(self, name: str) -> npt.NDArray[np.uint8]:
        with self._failures(name):
            return np.frombuffer(self._connection.recv_bytes(), np.uint8)

    @contextmanager
    def _failures(self, name: str) -> Iterator[None]:
        """Raises SourceError if the process has ended, or sends what it should not."""
        try:
            yield
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._process.kill()
            code = self._process.wait()
            cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise SourceError(
                f"{name}: cannot decode it: the decoder ended with {cause}; is it damaged?"
            ) from error


def serve(descriptor: int) -> None:
    """Decodes files until the process that asks for them has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process ends this one
    connection = Connection(descriptor)
    with suppress(EOFError, OSError):
        limits = msgspec.msgpack.decode(connection.recv_bytes(), type=Files)
        _bound_memory(limits)
        while True:
            job = msgspec.msgpack.decode(connection.recv_bytes(), type=Job)
            for answer, samples in _answers(job, limits):
                connection.send_bytes(msgspec.msgpack.encode(answer))
                if samples is not None:
                    connection.send_bytes(np.ascontiguousarray(samples).data.cast("B"))


def _bound_memory(limits: Files) -> None:
    """Bounds the memory of this process, and keeps what it decodes out of core dumps."""
    most = round(BASE_BYTES + BYTES_PER_PIXEL * 1e6 * limits.max_picture_mpx)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answers(job: Job, limits: Files) -> Iterator[tuple[Answer, Samples | None]]:
    try:
        yield from _decoded(job, limits)
        yield Answer(is_last=True, is_worn=_is_worn()), None
    except SourceError as error:
        text = str(error).encode("utf-8", "replace").decode()
        yield (
            Answer(error=text, error_type=type(error).__name__, is_last=True, is_worn=_is_worn()),
            None,
        )
    except Exception as error:  # a decoder's own, which must cost this file alone
        name = os.fsdecode(job.path).encode("utf-8", "replace").decode()
        reason = "it needs too much memory" if _is_memory(error) else describe(error)
        yield Answer(error=f"{name}: cannot decode it ({reason})", is_last=True, is_worn=True), None


def _is_worn() -> bool:
    """Returns True if this process still holds a good part of the memory that it may take."""
    return rss_mb(os.getpid()) > WORN_MB


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "Insufficient memory" in str(error)


def _decoded(job: Job, limits: Files) -> Iterator[tuple[Answer, Samples]]:
    from edge.capture.frames import read_frames
    from edge.capture.pictures import read_picture
    from edge.capture.sounds import read_recording

    path = Path(os.fsdecode(job.path))
    if job.kind == "picture":
        pixels = read_picture(path, limits)
        yield Answer(pixels.shape), pixels
    elif job.kind == "frames":
        for frame in read_frames(path, job.fps, limits):
            yield Answer(frame.pixels.shape, frame.captured_s), frame.pixels
    else:
        recording = read_recording(path, limits=limits)
        warnings = tuple(one.encode("utf-8", "replace").decode() for one in recording.warnings)
        yield Answer(recording.sound.shape, warnings=warnings), recording.sound
