"""Reads the pictures of video files, at the times that the container gives them."""

from collections.abc import Iterator
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.capture.files import open_regular
from edge.capture.importing import PYAV_IMPORT
from edge.capture.square import MAX_ASPECT, stretched, too_large
from edge.config import Files
from edge.errors import NoTrackError, SourceError
from edge.values import Frame, Pixels

EARLY, MAX_EARLY_S = 0.25, 0.02
"""A picture that comes this share of the wait early is taken: rates are never exact."""

MAX_FPS = 10_000
"""A higher rate of a file is what FFmpeg gives to the picture of a disc or of an app. A camera on
the network may report its clock of 90,000 ticks a second."""
NAMES = {"AV01": "AV1", "HVC1": "HEVC", "HEV1": "HEVC"}
"""The usual names of some codecs."""


class Pictures(Protocol):
    """The pictures of a source, one after another, as cv2.VideoCapture gives them."""

    def grab(self) -> bool:
        """Takes the next picture; returns False if there is none. Raises SourceError."""

    def retrieve(self) -> tuple[bool, Any]:
        """Returns True if the picture just taken could be decoded, and the picture."""

    def release(self) -> None:
        """Closes the source; a second call does nothing."""


class TimedPictures(Pictures, Protocol):
    """Pictures that have times of their own."""

    time_s: float
    """Time of the picture just taken since the start of the file."""

    def check_length(self) -> None:
        """Raises EndsEarlyError if the last picture came long before the promised end."""


def read_frames(path: Path, fps: float, limits: Files | None = None) -> Iterator[Frame]:
    """Yields at most `fps` frames a second of a video file, with their times since its start.

    They are as a player shows them: upright, with square pixels, not interlaced; a cover picture is
    not a frame. Raises SourceError, NoTrackError if the file has sound only, and, after the last
    frame, EndsEarlyError if much of the promised length is missing.
    """
    pictures = open_pictures(path, limits)
    try:
        wait_s, due_s = 1 / fps, 0.0
        early_s = min(EARLY * wait_s, MAX_EARLY_S)
        while pictures.grab():
            if pictures.time_s < due_s - early_s:
                continue
            decoded, pixels = pictures.retrieve()
            if decoded:
                due_s = max(due_s + wait_s, pictures.time_s + wait_s - early_s)
                yield Frame(np.asarray(pixels, np.uint8), pictures.time_s)
        pictures.check_length()
    finally:
        pictures.release()


def open_pictures(path: Path, limits: Files | None = None, name: str = "") -> TimedPictures:
    """Opens the pictures of a video file, with PyAV or else with OpenCV; errors call it `name`.

    Raises SourceError, and NoTrackError if the file has sound only.
    """
    max_pixels = round((limits or Files()).max_picture_mpx * 1e6)
    with ExitStack() as cleanup:
        file = cleanup.enter_context(FileIO(open_regular(path, name)))
        video: TimedPictures
        try:
            with PYAV_IMPORT:
                from edge.capture.pyav_video import AvVideo
        except ImportError:
            # A path may not be text, or look like an address.
            capture = cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG)
            video = OpenCvVideo(capture, name or str(path), max_pixels, file)
        else:
            video = AvVideo(file, name or str(path), max_pixels)
        cleanup.pop_all()  # the video closes the file from here on
        return video


class OpenCvVideo:
    """The pictures of a capture of OpenCV, which it closes; raises SourceError.

    `file` is the open file behind it, if any, which it closes too.
    """

    def __init__(
        self, capture: cv2.VideoCapture, name: str, max_pixels: int, file: FileIO | None = None
    ) -> None:
        self._capture, self._name, self._file = capture, name, file
        self.time_s = 0.0
        self._count = 0
        if not capture.isOpened():  # it does not tell a sound from a damaged video
            raise NoTrackError(f"{name}: not a readable video file")
        if file is not None and self._get(cv2.CAP_PROP_FPS) > MAX_FPS:
            capture.release()
            raise NoTrackError(f"{name}: this file has only a cover picture")
        width, height = self._get(cv2.CAP_PROP_FRAME_WIDTH), self._get(cv2.CAP_PROP_FRAME_HEIGHT)
        wide, high = self._get(cv2.CAP_PROP_SAR_NUM), self._get(cv2.CAP_PROP_SAR_DEN)
        self._aspect = wide / high if high and 1 / MAX_ASPECT <= wide / high <= MAX_ASPECT else 1.0
        if width * height * max(self._aspect, 1 / self._aspect) > max_pixels:
            capture.release()
            raise SourceError(too_large(name, width, height))

    @property
    def has_end(self) -> bool:
        """False for a stream without a known end."""
        return self._file is not None or self._get(cv2.CAP_PROP_FRAME_COUNT) > 0

    @property
    def codec(self) -> str:
        """Code of the codec in four letters."""
        code = int(self._get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
        return code.decode("ascii", "replace").strip("\0 ").upper()

    def grab(self) -> bool:
        """Takes the next picture; returns False at the end. Raises SourceError."""
        if self._capture.grab():
            self.time_s = max(self._get(cv2.CAP_PROP_POS_MSEC) / 1000, self.time_s)
            self._count += 1
            return True
        if not self._count:
            raise SourceError(
                f"{self._name}: cannot decode its {NAMES.get(self.codec, self.codec)} pictures; "
                "to decode more formats, install `emotiond[media]`"
            )
        return False

    def retrieve(self) -> tuple[bool, Pixels]:
        """Returns True and the picture just taken as it is to be shown, uint8 HxWx3 BGR."""
        decoded, pixels = self._capture.retrieve()
        if not decoded:
            return False, np.zeros((0, 0, 3), np.uint8)
        return True, stretched(np.asarray(pixels, np.uint8), self._aspect)

    def check_length(self) -> None:
        """Does nothing: OpenCV guesses lengths."""

    def release(self) -> None:
        """Closes the capture and the file."""
        self._capture.release()
        if self._file is not None:
            self._file.close()

    def _get(self, key: int) -> float:
        return float(self._capture.get(key))
