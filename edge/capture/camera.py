"""Opens the source of pictures that the configuration names."""

import cv2

from edge.capture.control import Pace, RunControl
from edge.capture.device import Device
from edge.capture.frames import OpenCvVideo
from edge.capture.sources import is_address, is_video_file
from edge.capture.v4l2 import Cameras, V4l2Camera
from edge.capture.video import CaptureContext, LiveStream, VideoFile, open_video
from edge.clock import Clock
from edge.config import Camera, Files
from edge.values import Frame


def open_camera(
    config: Camera,
    clock: Clock,
    control: RunControl,
    pace: Pace | None = None,
    cameras: Cameras | None = None,
    limits: Files | None = None,
) -> Device[Frame]:
    """Opens a camera, video file or network stream; raises SourceError.

    It gives at most `pace.fps`, by default `config.fps`, frames a second.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors carry the cause
    context = CaptureContext(config, clock, control, pace or Pace(config.fps), limits or Files())
    if not is_address(config.source) and not is_video_file(config.source):
        return V4l2Camera(context, cameras or Cameras())
    video = open_video(context)
    if isinstance(video, OpenCvVideo) and not video.has_end:
        return LiveStream(context, video)
    return VideoFile(context, video)
