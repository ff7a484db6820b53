"""Decodes the pictures of any container with PyAV."""

import gc
import os
from collections.abc import Iterator
from contextlib import ExitStack
from io import FileIO
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from edge.capture.claimed_size import missing_factor
from edge.capture.pyav import DECODER_ERRORS, open_container, promised_s, reason_of
from edge.capture.region import Region
from edge.capture.square import MAX_ASPECT, stretched, too_large
from edge.capture.track_times import zero_of
from edge.errors import EndsEarlyError, NoTrackError, SourceError
from edge.values import Pixels

DEFAULT_FPS = 25.0
MISSING_S, MISSING = 0.5, 0.1
"""What a video may lack of its promised length, in seconds and as a share: pictures vary."""
ONE_THREAD = {"threads": 1} if "threads=" in (VideoReformatter.reformat.__doc__ or "") else {}
"""For the conversion of a picture: newer versions start threads for each."""
THREADS = min(len(os.sched_getaffinity(0)), 4)
"""FFmpeg's own choice is one for each core of a large machine, whatever this process may use."""


def is_cover(stream: Any) -> bool:
    """Returns True for a picture of a disc or of an app, which is not a video."""
    return bool(stream.disposition & stream.disposition.attached_pic)


class AvVideo:
    """The pictures of an open file, which it closes, one after another.

    Raises SourceError if none can be decoded, NoTrackError if it has none.
    """

    def __init__(self, file: FileIO, name: str, max_pixels: int) -> None:
        self._file, self._name, self._max_pixels = file, name, max_pixels
        self.time_s = 0.0
        """Time of the picture just taken in seconds: since the first one, or since the start of a
        sound that starts noticeably earlier."""
        self._frame: Any = None
        self._zero_s: float | None = None
        self._count = 0
        self._shown_s = 0.0
        with ExitStack() as cleanup:
            self._container = open_container(Region(file.fileno()), name, max_pixels, "video file")
            cleanup.callback(self._container.close)
            self._stream = self._video()
            self._promised_s = promised_s(self._container, self._stream) or 0.0
            self._missing_factor = missing_factor(file.fileno())
            self._frames = self._decoded()
            cleanup.pop_all()

    def grab(self) -> bool:
        """Decodes the next picture; returns False at the end. Raises SourceError."""
        frame = next(self._frames, None)
        if frame is None:
            return False
        self._frame = frame
        self._count += 1
        self._shown_s = float(frame.duration * frame.time_base) if frame.duration else 0.0
        if frame.time is None:
            self.time_s += 1 / float(self._stream.average_rate or DEFAULT_FPS)
        else:
            if self._zero_s is None:
                self._zero_s = zero_of(self._container, frame.time)
            self.time_s = max(frame.time - self._zero_s, self.time_s)
        return True

    def retrieve(self) -> tuple[bool, Pixels]:
        """Returns True and the picture just grabbed as it is to be shown, uint8 HxWx3 BGR."""
        return True, _turned(to_pixels(self._frame, self._aspect), self._frame)

    def check_length(self) -> None:
        """Raises EndsEarlyError if the last picture came long before the promised end."""
        seen_s = self.time_s + self._shown_s
        promised_s = max(self._promised_s, seen_s * self._missing_factor)
        if promised_s - seen_s > max(MISSING_S, promised_s * MISSING):
            raise EndsEarlyError(
                f"{self._name}: its pictures end after {seen_s:.1f} of {promised_s:.1f} s; "
                "is it complete?"
            )

    def release(self) -> None:
        """Closes the file, and ends the threads of its decoder."""
        self._frames, self._frame, self._stream = iter(()), None, None
        if self._container is not None:
            self._container.close()
            self._container = None
            gc.collect()  # stream and container of PyAV refer to each other
        self._file.close()

    def _video(self) -> Any:
        streams = [one for one in self._container.streams.video if not is_cover(one)]
        if not streams:
            raise NoTrackError(f"{self._name}: this file has no picture track")
        stream = next((one for one in streams if one.codec_context is not None), None)
        if stream is None:
            raise SourceError(f"{self._name}: cannot decode its pictures: an unknown codec")
        context = stream.codec_context
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
                f"{self._name}: cannot decode its {codec} pictures ({reason_of(failed)}); are they "
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
