"""Pictures read through OpenCV: the part that all sources share, video files and live streams."""

import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edge.capture.control import Pace, RunControl
from edge.capture.files import form_of
from edge.capture.frames import OpenCvVideo, Pictures, TimedPictures, open_pictures
from edge.capture.liveness import FROZEN_S, INTER_CODED_FROZEN_S, PictureLiveness
from edge.capture.refusal import password_remedy
from edge.capture.sources import address_of, is_address, shown
from edge.capture.turning import turned
from edge.clock import Clock
from edge.config import Camera, Files
from edge.errors import Paused, SourceError
from edge.values import Frame

OPEN_TIMEOUT_MS = 3000
READ_TIMEOUT_MS = 2000
TIMEOUTS = (
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
)


@dataclass(frozen=True)
class CaptureContext:
    """Settings and signals that every video source obeys."""

    config: Camera
    clock: Clock
    control: RunControl
    pace: Pace
    limits: Files = field(default_factory=Files)

    @property
    def name(self) -> str:
        """Name of the source in messages, without secrets."""
        source = self.config.source
        return f"camera {shown(source)}" if source != "" else "the first camera"

    def continues(self) -> bool:
        """Returns False after a stop; raises Paused during a pause."""
        if self.control.stop.is_set():
            return False
        if not self.control.running.is_set():
            raise Paused
        return True


class VideoSource(ABC):
    """An open video that gives at most `pace.fps` frames a second and skips the others.

    Frames are turned and mirrored as configured. `liveness` notices frozen and black pictures; None
    where those are legitimate.
    """

    def __init__(
        self,
        context: CaptureContext,
        capture: Pictures,
        liveness: PictureLiveness | None = None,
    ) -> None:
        self._context, self._capture, self._liveness = context, capture, liveness
        self._name, self._clock = context.name, context.clock
        self._next_s = self._clock.now_s()
        self.steps = 0
        """Pictures that the driver, file or network has given."""

    @property
    def fault(self) -> str:
        return self._liveness.fault if self._liveness else ""

    def read(self) -> Frame | None:
        while self._context.continues() and self._grab():
            self.steps += 1
            captured_s = self._capture_time_s()
            if not self._is_due(captured_s):
                continue
            decoded, pixels = self._capture.retrieve()
            if not decoded:
                continue
            frame = Frame(np.asarray(pixels, np.uint8), captured_s)
            # Liveness works on pictures as they come, so repeated ones are not turned in vain.
            if self._liveness is None or self._liveness.update(frame):
                return turned(frame, self._context.config)
        return None

    def close(self) -> None:
        self._capture.release()

    @abstractmethod
    def _grab(self) -> bool:
        """Waits for the next picture; False at the end or when stopped. Raises SourceError."""

    def _capture_time_s(self) -> float:
        """Returns the time of the picture just grabbed."""
        return self._clock.now_s()

    def _is_due(self, captured_s: float) -> bool:
        wait_s = 1 / self._context.pace.fps
        if captured_s < self._next_s - wait_s / 2:
            return False
        self._next_s = max(self._next_s + wait_s, captured_s)
        return True


class VideoFile(VideoSource):
    """A video with an end, in a file or at an address, played at the times of its pictures.

    It ends with None, or restarts if `loop` is set. At an address only `loop` makes the end an
    ordinary one: otherwise the network may have caused it, and it raises SourceError.
    """

    def __init__(self, context: CaptureContext, video: TimedPictures) -> None:
        super().__init__(context, video)
        self._video = video
        self._started_s, self._frames = self._next_s, 0

    def _grab(self) -> bool:
        config = self._context.config
        while not self._video.grab():
            if is_address(config.source) and not config.loop:
                raise SourceError(f"{self._name} gives no more pictures")
            if not self._frames:
                raise SourceError(f"{self._name} is damaged: it contains no pictures")
            if not config.loop:
                return False
            self._rewind()
            if not self._context.continues():
                return False
        self._frames += 1
        return True

    def _capture_time_s(self) -> float:
        """Waits until the picture just grabbed is due, and returns that time."""
        due_s = self._started_s + self._video.time_s
        self._context.control.stop.wait(max(due_s - self._clock.now_s(), 0))
        return due_s

    def _rewind(self) -> None:
        self._video.release()
        self._capture = self._video = open_video(self._context)
        self._started_s = self._next_s = self._clock.now_s()
        self._frames = 0


class LiveStream(VideoSource):
    """A video without a known end, from the network or through a named pipe."""

    def __init__(self, context: CaptureContext, capture: OpenCvVideo) -> None:
        frozen_s = FROZEN_S if capture.codec == "MJPG" else INTER_CODED_FROZEN_S
        super().__init__(context, capture, PictureLiveness(context.name, frozen_s))

    def _grab(self) -> bool:
        if not self._capture.grab():
            raise SourceError(f"{self._name} gives no more pictures")
        return True


def open_video(context: CaptureContext) -> TimedPictures:
    """Opens a video file, a named pipe or an address; raises SourceError."""
    try:
        source = address_of(context.config)
    except SourceError as error:
        raise SourceError(f"{context.name} cannot be opened: {error}") from error
    if not is_address(source) and form_of(Path(source)) != stat.S_IFIFO:
        return open_pictures(Path(source), context.limits, f"{context.name} cannot be opened")
    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, TIMEOUTS if is_address(source) else [])
    if not capture.isOpened():
        remedy = password_remedy(source) or "is the address right and the stream running?"
        raise SourceError(f"{context.name} cannot be opened: {remedy}")
    return OpenCvVideo(capture, context.name, round(context.limits.max_picture_mpx * 1e6))
