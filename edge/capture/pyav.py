"""Decodes with FFmpeg through PyAV, the extra `media`: pictures and sound of any container."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from edge.capture.channels import FloatBlock
from edge.capture.region import Region
from edge.capture.square import MAX_ASPECT, stretched, too_large
from edge.errors import NoTrackError, SourceError
from edge.values import Pixels

DECODER_ERRORS = (av.FFmpegError, ValueError, LookupError, MemoryError)
"""What PyAV raises for a damaged file."""
NO_OTHER_FILES = {"protocol_whitelist": "none"}
"""A playlist may name addresses and other files; they are not opened."""
MAX_PIXELS = 50_000_000
"""Pixels of a picture beside a sound, which FFmpeg looks at too."""
DEFAULT_FPS = 25.0
BLOCK_SAMPLES = 16_384
ONE_THREAD = {"threads": 1} if "threads=" in (VideoReformatter.reformat.__doc__ or "") else {}
"""For the conversion of a picture: newer versions start threads for each."""
THREADS = min(len(os.sched_getaffinity(0)), 4)
"""FFmpeg's own choice is one for each core of a large machine, whatever this process may use."""
MAX_PLANES = 8
"""Channels of a frame that PyAV can reach; it reads beyond the memory of more."""
UNKNOWN_LENGTHS = {"aac", "ac3", "amr", "dts", "eac3", "h264", "hevc", "loas", "mpeg", "mpegts"}
"""Containers of which FFmpeg only guesses the length."""


def open_container(
    file: Any, name: str, max_pixels: int = MAX_PIXELS, kind: str = "sound or video"
) -> Any:
    """Opens a file object as a container of that kind; raises SourceError."""
    options = NO_OTHER_FILES | {"max_pixels": str(max_pixels)}
    try:
        return av.open(file, options=options, metadata_errors="replace")
    except DECODER_ERRORS as error:
        raise SourceError(f"{name}: not a readable {kind} ({_reason(error)})") from error


@contextmanager
def opened(file: Any, name: str) -> Iterator[Any]:
    """Opens a file object as a container, and closes it; raises SourceError in between too."""
    with open_container(file, name) as container:
        try:
            yield container
        except DECODER_ERRORS as error:
            raise SourceError(
                f"{name}: not a readable sound or video ({_reason(error)})"
            ) from error


def _reason(error: Exception) -> str:
    """Returns what went wrong, without the name that FFmpeg has for the file."""
    return getattr(error, "strerror", "") or str(error) or type(error).__name__


def is_cover(stream: Any) -> bool:
    """Returns True for a picture of a disc or of an app, which is not a video."""
    return bool(stream.disposition & stream.disposition.attached_pic)


def count_sound_tracks(file: Any, name: str) -> int:
    """Returns the number of sound tracks; raises SourceError."""
    with opened(file, name) as container:
        return len(container.streams.audio)


class SoundTrack:
    """The decoded sound of one track of a container."""

    def __init__(self, file: Any, name: str, track: int = 0) -> None:
        self._file, self._name, self._track = file, name, track
        self.lost = 0
        """Packets that could not be decoded."""
        self.promised_s: float | None = None
        """Length by the container; None if it does not say, or guesses."""

    def blocks(self) -> Iterator[tuple[int, FloatBlock]]:
        """Yields pieces of sound with their sample rates, which may change; raises SourceError."""
        self._file.seek(0)
        with opened(self._file, self._name) as container:
            streams = container.streams.audio
            if not streams:
                raise NoTrackError(f"{self._name}: this file has no sound track")
            stream = streams[self._track]
            if stream.codec_context is None:
                raise SourceError(f"{self._name}: cannot decode its sound: an unknown codec")
            if stream.duration and container.format.name not in UNKNOWN_LENGTHS:
                self.promised_s = float(stream.duration * stream.time_base)
            yield from _joined(self._frames(container, stream))

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        decoded = 0
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except DECODER_ERRORS:
                    self.lost += 1
                    continue
                decoded += len(frames)
                yield from frames
        except DECODER_ERRORS:  # of the container
            if not decoded:
                raise
            self.lost += 1
        if self.lost and not decoded:
            codec = stream.codec_context.codec.long_name
            raise SourceError(f"{self._name}: cannot decode its sound ({codec}); is it complete?")


def _joined(frames: Iterator[Any]) -> Iterator[tuple[int, FloatBlock]]:
    """Yields frames of one form together, with their sample rate: some have a single sample."""
    blocks: list[FloatBlock] = []
    form, length = (0, 0), 0
    for frame in frames:
        samples = _to_float(frame)
        new_form = frame.sample_rate, samples.shape[1]
        if blocks and (new_form != form or length >= BLOCK_SAMPLES):
            yield form[0], np.concatenate(blocks)
            blocks, length = [], 0
        form = new_form
        blocks.append(samples)
        length += len(samples)
    if blocks:
        yield form[0], np.concatenate(blocks)


def _to_float(frame: Any) -> FloatBlock:
    """Returns float32[samples, channels] of a frame in any sample format."""
    channels = len(frame.layout.channels)
    if frame.format.is_planar and channels > MAX_PLANES:
        (frame,) = av.AudioResampler(format="flt").resample(frame)
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype == np.uint8:
        return np.asarray((samples.T.astype(np.float32) - 128) / 128, np.float32)
    if np.issubdtype(samples.dtype, np.integer):
        return np.asarray(samples.T / np.float32(-np.iinfo(samples.dtype).min), np.float32)
    return np.asarray(samples.T, np.float32)


class AvVideo:
    """The pictures of an open file, which it closes, one after another.

    Raises SourceError if none can be decoded, NoTrackError if it has none.
    """

    def __init__(self, file: int, name: str, max_pixels: int) -> None:
        self._file, self._name, self._max_pixels = file, name, max_pixels
        self.time_s = 0.0
        """Time of the picture just taken since the first one, in seconds."""
        self._frame: Any = None
        self._first_s: float | None = None
        self._count = 0
        self._container = open_container(Region(file), name, max_pixels, "video file")
        try:
            self._stream = self._video()
            self._frames = self._decoded()
        except SourceError:
            self._container.close()
            raise

    def grab(self) -> bool:
        """Decodes the next picture; returns False at the end. Raises SourceError."""
        frame = next(self._frames, None)
        if frame is None:
            return False
        self._frame = frame
        self._count += 1
        if frame.time is None:
            self.time_s += 1 / float(self._stream.average_rate or DEFAULT_FPS)
        else:
            self._first_s = frame.time if self._first_s is None else self._first_s
            self.time_s = max(frame.time - self._first_s, self.time_s)
        return True

    def retrieve(self) -> tuple[bool, Pixels]:
        """Returns True and the picture just grabbed as it is to be shown, uint8 HxWx3 BGR."""
        return True, _turned(to_pixels(self._frame, self._aspect), self._frame)

    def release(self) -> None:
        """Closes the file, and ends the threads of its decoder."""
        self._frames, self._frame, self._stream = iter(()), None, None
        self._container.close()
        del self._container
        gc.collect()  # stream and container of PyAV refer to each other
        os.close(self._file)

    def _video(self) -> Any:
        streams = [one for one in self._container.streams.video if not is_cover(one)]
        if not streams:
            raise NoTrackError(f"{self._name}: this file has no picture track")
        stream = streams[0]
        context = stream.codec_context
        if context is None:
            raise SourceError(f"{self._name}: cannot decode its pictures: an unknown codec")
        context.options = {"max_pixels": str(self._max_pixels)}
        context.thread_count = THREADS
        self._aspect = float(stream.sample_aspect_ratio or 1)
        if not 1 / MAX_ASPECT <= self._aspect <= MAX_ASPECT:
            self._aspect = 1.0
        largest = context.width * context.height * max(self._aspect, 1 / self._aspect)
        if largest > self._max_pixels:
            raise SourceError(too_large(self._name, context.width, context.height))
        return stream

    def _decoded(self) -> Iterator[Any]:
        failed: Exception | None = None
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except DECODER_ERRORS as error:
                    failed = error
                    continue
                yield from frames
        except DECODER_ERRORS as error:
            failed = error
        if failed is not None and not self._count:
            codec = self._stream.codec_context.codec.canonical_name.upper()
            raise SourceError(
                f"{self._name}: cannot decode its {codec} pictures ({_reason(failed)}); are they "
                "damaged, or larger than files.max_picture_mpx allows?"
            )


def to_pixels(frame: Any, aspect: float = 1.0) -> Pixels:
    """Returns a decoded picture with square pixels, uint8 HxWx3 BGR, as it was stored.

    An interlaced one shows two moments; only the lines of one are taken. `aspect` is the width of
    a pixel divided by its height.
    """
    pixels = np.asarray(frame.to_ndarray(format="bgr24", **ONE_THREAD), np.uint8)
    if frame.interlaced_frame:
        pixels, aspect = pixels[::2], aspect / 2
    return stretched(pixels, aspect)


def _turned(pixels: Pixels, frame: Any) -> Pixels:
    """Turns and mirrors a picture by the display matrix of its frame, x' = ax + cy, y' = bx + dy.

    The camera of a phone writes it.
    """
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV does not know all kinds of such data
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))
    if matrix is None:
        return pixels
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(a) >= abs(b):
        across, down = a, d
    else:
        pixels, across, down = np.swapaxes(pixels, 0, 1), c, b
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
