"""Starts and asks the process that decodes files for this one; the messages between the two.

Messages are MessagePack, never pickles: what a damaged file makes of the decoder cannot run code in
the process that asked.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edge.config import Files
from edge.errors import (
    EndsEarlyError,
    InstallationError,
    MissingExtraError,
    NoTrackError,
    SourceError,
    TooLongError,
)
from edge.processes import python_command
from edge.values import Pixels, Sound

PATIENCE_S = 120.0
"""Longest wait for the next answer, and for the libraries of the process: an hour of sound on a
small board takes less."""
ROOT = Path(__file__).resolve().parents[2]
START = (
    "from edge.capture.decoding_process import main; main(int(sys.argv[1]), sys.argv[2] == 'main')"
)
ERRORS = {
    one.__name__: one
    for one in (SourceError, NoTrackError, TooLongError, EndsEarlyError, MissingExtraError)
}
ENDED = (EOFError, OSError, msgspec.DecodeError)
"""What is raised where the process has ended, or sends what it should not."""
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
        """Raises OSError if the system allows no more processes or files."""
        python_path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        is_main = threading.current_thread() is threading.main_thread()
        self._connection, theirs = Pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - it starts this very package
                python_command(START, str(theirs.fileno()), "main" if is_main else "other"),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # where decoders write lines of their own
                env={**os.environ, "PYTHONPATH": python_path},
            )
        except OSError:
            self._connection.close()
            raise
        finally:
            theirs.close()
        self._is_ready = False
        self._is_free = True
        self._send(msgspec.msgpack.encode(limits))

    @property
    def is_idle(self) -> bool:
        """False while a job is not finished, and after the process has failed or ended."""
        return self._is_free and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Number of the process."""
        return self._process.pid

    def pieces(self, job: Job) -> Iterator[Piece]:
        """Yields the pieces of a decoded file; raises SourceError.

        Raises InstallationError if the process cannot decode any file.
        """
        self._is_free = False
        self._wait_until_ready()
        name = os.fsdecode(job.path)
        self._send(msgspec.msgpack.encode(job))
        while not (answer := self._receive(name)).is_last:
            yield Piece(answer, self._receive_samples(name))
        self._is_free = not answer.is_worn
        if answer.error:
            raise ERRORS.get(answer.error_type, SourceError)(answer.error)

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self) -> None:
        """Waits until the process has loaded its libraries; raises InstallationError."""
        if self._is_ready:
            return
        reason = f"the process for it does not answer within {PATIENCE_S:.0f} s"
        try:
            if self._connection.poll(PATIENCE_S):
                answer = msgspec.msgpack.decode(self._connection.recv_bytes(), type=Answer)
                reason = answer.error
        except ENDED:
            reason = f"the process for it {self._end()}"
        if reason:
            raise InstallationError(
                f"no file can be decoded: {reason}; is the installation complete?"
            )
        self._is_ready = True

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
        except ENDED as error:
            raise SourceError(
                f"{name}: cannot decode it: the decoder {self._end()}; is it damaged?"
            ) from error

    def _end(self) -> str:
        """Ends the process; returns how it ended."""
        self._process.kill()
        code = self._process.wait()
        return f"ended with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
