"""Makes media files as other programs write them."""

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from edge.values import Pixels

RATE_HZ = 16_000
FloatSound = npt.NDArray[np.floating[Any]]


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Takes back what the AV1 encoder does if root runs it: it makes the process a real-time one.

    Such a process, and all that it starts, leaves no processor to any other.
    """
    try:
        yield
    finally:
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError):
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


def tone(duration_s: float = 1.0, rate_hz: int = RATE_HZ, hz: float = 440.0) -> FloatSound:
    """Returns a tone of half the full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def nothing(duration_s: float) -> FloatSound:
    """Returns whole seconds that are to be missing in a file, which is not the same as silence."""
    return np.full(round(duration_s * RATE_HZ), np.nan)


def wav(sound: FloatSound, size: int | None = None, start: bytes = b"RIFF") -> bytes:
    """Returns a 16-bit WAV whose header claims `size` bytes of sound."""
    data = np.rint(sound * 32767).astype("<i2").tobytes()
    size = len(data) if size is None else size
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    large = b"ds64" + struct.pack("<I", 28) + bytes(28) if start == b"RF64" else b""
    chunks = b"WAVE" + large + b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", size) + data
    return start + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + chunks


def mux(
    path: Path,
    sounds: Sequence[FloatSound] = (),
    pictures: Sequence[Pixels] = (),
    *,
    codecs: tuple[str, str] = ("libopus", "libvpx"),
    times_s: Sequence[float] = (),
    options: dict[str, str] | None = None,
    aspect: tuple[int, int] = (1, 1),
) -> Path:
    """Writes a file with a track for each sound, [samples] or [channels, samples], and pictures.

    Pictures come 30 times a second, or at `times_s`.
    """
    with ordinary_scheduling(), av.open(str(path), "w", options=options or {}) as container:
        step = Fraction(1, 1000 if len(times_s) else 30)
        video = _video_stream(container, codecs[1], pictures, step) if len(pictures) else None
        tracks = [_sound_stream(container, codecs[0], sound) for sound in sounds]
        if video is not None:
            video.codec_context.sample_aspect_ratio = Fraction(*aspect)
            for index, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
                time_s = times_s[index] if len(times_s) else index / 30
                frame.pts, frame.time_base = round(time_s / step), step
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        for stream, sound in zip(tracks, sounds, strict=True):
            for frame in _sound_frames(sound):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def _video_stream(container: Any, codec: str, pictures: Sequence[Pixels], step: Fraction) -> Any:
    stream = container.add_stream(codec, rate=30)
    stream.height, stream.width = pictures[0].shape[:2]
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    stream.codec_context.time_base = stream.time_base = step
    return stream


def _sound_stream(container: Any, codec: str, sound: FloatSound) -> Any:
    layout = "mono" if sound.ndim == 1 else "stereo"
    return container.add_stream(codec, rate=48_000, layout=layout)


def _sound_frames(sound: FloatSound) -> list[Any]:
    """Returns frames of a second each: some encoders refuse longer ones. Leaves out `nothing`."""
    samples = np.atleast_2d(np.asarray(sound, np.float32))
    frames = []
    for start in range(0, samples.shape[1], RATE_HZ):
        part = np.ascontiguousarray(samples[:, start : start + RATE_HZ])
        if np.isnan(part).all():
            continue
        frame = av.AudioFrame.from_ndarray(
            part, format="fltp", layout="mono" if len(part) == 1 else "stereo"
        )
        frame.sample_rate, frame.pts = RATE_HZ, start
        frames.append(frame)
    return frames
