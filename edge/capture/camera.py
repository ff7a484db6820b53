"""Pictures from a camera, a video file or a network stream."""

import threading
from pathlib import Path

import cv2
import numpy as np

from edge.capture.liveness import FROZEN_S, INTER_CODED_FROZEN_S, PictureLiveness
from edge.capture.pace import Pace
from edge.capture.v4l2 import Cameras, is_busy, is_file
from edge.clock import Clock
from edge.config import Camera
from edge.errors import Paused, SourceError
from edge.values import Frame

STREAM_OPEN_TIMEOUT_MS = 3000
STREAM_READ_TIMEOUT_MS = 2000
FIRST_PICTURE_S = 8.0
"""Some cameras take seconds to begin."""
SILENT_S = 2.0
"""A camera that gave pictures and gives none for so long is opened again."""
WAIT_S = 0.1
"""The longest single wait for a picture: how soon a stop or a pause is noticed."""
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

    At most `pace.fps`, or else `config.fps`, frames a second are given, the others are skipped,
    and so are pictures that a camera repeats. Raises SourceError when the source cannot be opened.
    """

    def __init__(
        self,
        config: Camera,
        clock: Clock,
        stop: threading.Event,
        pace: Pace | None = None,
        cameras: Cameras | None = None,
        running: threading.Event | None = None,
    ) -> None:
        self._config, self._clock, self._stop, self._running = config, clock, stop, running
        self._asked, self._cameras = pace or Pace(config.fps), cameras or Cameras()
        source = _without_credentials(config.source)
        self._name = "the first camera" if source == "" else f"camera {source!r}"
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the status says it all
        self._capture = self._open()
        file_fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._is_device = self._capture.getBackendName() == "V4L2"
        self._is_file = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self._is_address = "://" in str(config.source)
        self._file_fps = file_fps if 0 < file_fps <= HIGHEST_FPS else config.fps
        self._started_s = clock.now_s()
        self._next_s = self._started_s
        self._frames = 0
        self._liveness = PictureLiveness(self._name, self._frozen_s())
        self.steps = 0
        """How many pictures the driver, file or network has given."""

    @property
    def fault(self) -> str:
        """What is wrong with the pictures that come; empty while nothing is."""
        return self._liveness.fault

    def read(self) -> Frame | None:
        """The next frame, None at the end of a file or when told to stop.

        Raises SourceError, and Paused while `running` is not set.
        """
        while self._goes_on():
            if self._is_device and not self._await_picture():
                continue
            if not self._capture.grab():
                # What has an address may end for its network, and comes again.
                if not self._is_file or (self._is_address and not self._config.loop):
                    raise SourceError(f"{self._name} gives no more pictures")
                if not self._frames:
                    raise SourceError(f"{self._name} is damaged: it holds no picture")
                if not self._config.loop:
                    return None
                self._rewind()
                continue
            self.steps += 1
            captured_s = self._pace() if self._is_file else self._clock.now_s()
            wait_s = 1 / self._asked.fps
            if captured_s < self._next_s - wait_s / 2:
                continue
            self._next_s = max(self._next_s + wait_s, captured_s)
            decoded, pixels = self._capture.retrieve()
            if not decoded:
                continue
            frame = Frame(np.asarray(pixels, np.uint8), captured_s)
            if self._is_file or self._liveness.see(frame):
                return frame
        return None

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        source = self._config.source
        if isinstance(source, str) and "://" in source:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_OPEN_TIMEOUT_MS]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_READ_TIMEOUT_MS]
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
            remedy = "is the address right and the stream running?"
        elif isinstance(source, str) and is_file(source):
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
            there = Path(source).exists()
            remedy = "it is not a video file that can be read" if there else "there is no such file"
        else:
            return self._open_device(source)
        if not capture.isOpened():
            raise SourceError(f"{self._name} cannot be opened: {remedy}")
        return capture

    def _open_device(self, source: int | str) -> cv2.VideoCapture:
        try:
            path = self._cameras.find(source)
        except SourceError as error:
            raise SourceError(f"{self._name}: {error}") from None
        capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
        if not capture.isOpened():
            busy = is_busy(path)
            reason = "it is in use by another program" if busy else f"OpenCV cannot read {path}"
            raise SourceError(f"{self._name} cannot be opened: {reason}")
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._config.width_px)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._config.height_px)
        capture.set(cv2.CAP_PROP_FPS, self._config.fps)
        return capture

    def _frozen_s(self) -> float:
        """How long a picture may stay the same."""
        if self._is_device:
            return FROZEN_S
        codec = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
        return FROZEN_S if codec.upper() == b"MJPG" else INTER_CODED_FROZEN_S

    def _goes_on(self) -> bool:
        """Whether nobody told to stop; raises Paused while `running` is not set."""
        if self._stop.is_set():
            return False
        if self._running is not None and not self._running.is_set():
            raise Paused
        return True

    def _await_picture(self) -> bool:
        """Whether one is there before a stop; OpenCV alone would wait ten seconds for it."""
        patience_s = SILENT_S if self.steps else FIRST_PICTURE_S
        began_s = self._clock.now_s()
        while self._clock.now_s() - began_s < patience_s:
            try:
                there, _ready = cv2.VideoCapture.waitAny([self._capture], round(WAIT_S * 1e9))
            except cv2.error:
                raise SourceError(f"{self._name} is gone; plug it in again") from None
            if there or not self._goes_on():
                return bool(there)
        raise SourceError(f"{self._name} gives no pictures")

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
