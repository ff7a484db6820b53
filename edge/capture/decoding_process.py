"""The process that decodes files for another one, as `edge.capture.decoding` starts it."""

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import numpy as np

from edge.capture.decoding import Answer, Job, Samples
from edge.config import Files
from edge.errors import SourceError, describe
from edge.machine import rss_mb
from edge.values import SAMPLE_RATE_HZ

WORN_MB = 400.0
BASE_BYTES, BYTES_PER_PIXEL = 800_000_000, 16
"""Memory that decoding may take: besides its libraries, and for each pixel that is allowed."""
BYTES_PER_SOUND_S = 4 * 2 * SAMPLE_RATE_HZ
"""Memory for each second of sound that is allowed: three tracks are compared, one is growing."""
PR_SET_PDEATHSIG = 1


def main(descriptor: int, is_of_main_thread: bool) -> None:
    """Decodes files until the process that asks for them has ended.

    `is_of_main_thread`: that process started this one in its main thread. The system ends this one
    with the thread that started it, even within a file; with any other thread that is too early,
    and this one ends when it next reads or writes.
    """
    if is_of_main_thread:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process ends this one
    connection = Connection(descriptor)
    with suppress(EOFError, OSError):
        limits = msgspec.msgpack.decode(connection.recv_bytes(), type=Files)
        reason = _load_libraries()
        _send(connection, Answer(error=reason, is_last=True))
        if reason:
            return
        _bound_memory(limits)
        while True:
            job = msgspec.msgpack.decode(connection.recv_bytes(), type=Job)
            for answer, samples in _answers(job, limits):
                _send(connection, answer)
                if samples is not None:
                    connection.send_bytes(np.ascontiguousarray(samples).data.cast("B"))


def _send(connection: Connection, answer: Answer) -> None:
    connection.send_bytes(msgspec.msgpack.encode(answer))


def _load_libraries() -> str:
    """Loads what decodes files; returns why that is not possible, if so."""
    try:
        import edge.capture.media  # noqa: F401
    except Exception as error:  # a library that cannot be loaded raises what it likes
        reason = f"{type(error).__name__}: {error}" if str(error) else describe(error)
        return " ".join(reason.encode("utf-8", "replace").decode().split())
    return ""


def _bound_memory(limits: Files) -> None:
    """Bounds the memory of this process, and keeps what it decodes out of core dumps."""
    most = BASE_BYTES + round(
        BYTES_PER_PIXEL * 1e6 * limits.max_picture_mpx + BYTES_PER_SOUND_S * limits.max_sound_s
    )
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
