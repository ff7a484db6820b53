"""Pictures from a camera, a video file or a network stream."""

import threading
from pathlib import Path

import cv2
import numpy as np

from edge.clock import Clock
from edge.config import Camera
from edge.errors import SourceError
from edge.observation import Frame
from edge.pace import Pace

STREAM_TIMEOUT_MS = 3000
HIGHEST_FPS = 240


def _without_credentials(source: int | str) -> int | str:
    """An address fit for logs and topics: user and password are left out."""
    if isinstance(source, int) or "://" not in source:
        return source
    scheme, _, rest = source.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


class VideoSource:
    """An open camera, video file or stream; files are paced by their own frame rate.

    At most `pace.fps`, or else `config.fps`, frames a second are given, the others are skipped.
    Raises SourceError when the source cannot be opened.
    """

    def __init__(
        self, config: Camera, clock: Clock, stop: threading.Event, pace: Pace | None = None
    ) -> None:
        self._config, self._clock, self._stop = config, clock, stop
        self._asked = pace or Pace(config.fps)
        self._name = f"camera {_without_credentials(config.source)!r}"
        self._capture = self._open()
        file_fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._is_file = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self._file_fps = file_fps if 0 < file_fps <= HIGHEST_FPS else config.fps
        self._started_s = clock.now_s()
        self._next_s = self._started_s
        self._frames = 0

    def read(self) -> Frame | None:
        while not self._stop.is_set():
            if not self._capture.grab():
                if not self._is_file:
                    raise SourceError(f"{self._name} gives no more pictures")
                if not self._frames:
                    raise SourceError(f"{self._name} is damaged: it holds no picture")
                if not self._config.loop:
                    return None
                self._rewind()
                continue
            captured_s = self._pace() if self._is_file else self._clock.now_s()
            wait_s = 1 / self._asked.fps
            if captured_s < self._next_s - wait_s / 2:
                continue
            self._next_s = max(self._next_s + wait_s, captured_s)
            decoded, pixels = self._capture.retrieve()
            if decoded:
                return Frame(np.asarray(pixels, np.uint8), captured_s)
        return None

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        source = self._config.source
        if isinstance(source, str) and "://" in source:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_TIMEOUT_MS]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_TIMEOUT_MS]
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
            remedy = "is the address right and the stream running?"
        elif isinstance(source, str) and Path(source).is_file():
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
            remedy = "it is not a video file that can be read"
        else:
            self._check_device(source)
            capture = cv2.VideoCapture(source, cv2.CAP_V4L2)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._config.width_px)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._config.height_px)
            capture.set(cv2.CAP_PROP_FPS, self._config.fps)
            remedy = "is it in use, or is this user not in the group `video`?"
        if not capture.isOpened():
            raise SourceError(f"{self._name} cannot be opened: {remedy}")
        return capture

    def _check_device(self, source: int | str) -> None:
        """OpenCV says on the terminal, not to us, that there is no such device."""
        path = Path(f"/dev/video{source}" if isinstance(source, int) else source)
        if not path.exists():
            raise SourceError(f"{self._name}: there is no {path}; plug it in or set camera.source")

    def _pace(self) -> float:
        """Waits until the frame just grabbed is due; gives that moment."""
        due_s = self._started_s + self._frames / self._file_fps
        self._frames += 1
        self._stop.wait(max(due_s - self._clock.now_s(), 0))
        return due_s

    def _rewind(self) -> None:
        self._capture.release()
        self._capture = self._open()
        self._started_s = self._clock.now_s()
        self._next_s, self._frames = self._started_s, 0
