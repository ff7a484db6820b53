"""Finds the kernel's cameras by number, path or name, and reads them.

Structures and numbers come from linux/videodev2.h.
"""

import errno
import fcntl
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from edge.capture.device import DEVICE_FOLDER
from edge.capture.liveness import FROZEN_S, PictureLiveness
from edge.capture.video import CaptureContext, VideoSource
from edge.config import Camera
from edge.errors import SourceError

CLASS_FOLDER = Path("/sys/class/video4linux")

VIDIOC_QUERYCAP = 0x8068_5600
VIDIOC_REQBUFS = 0xC014_5608
CAPABILITY = struct.Struct("=16x32x32s4xII12x")
"""Bus, capabilities of the device, and capabilities of this node of it."""
REQUEST_BUFFERS = struct.Struct("=5I")
VIDEO_CAPTURE, MEDIA_CONTROLLED, HAS_NODE_BITS = 0x1, 0x2000_0000, 0x8000_0000
"""V4L2_CAP_VIDEO_CAPTURE, _IO_MC (needs its own program to set it up), _DEVICE_CAPS."""
BUFFER_TYPE_VIDEO_CAPTURE, MEMORY_MMAP = 1, 1
IGNORED_NAMES = ("bcm2835-isp",)
"""Prefixes of Raspberry Pi nodes that return pictures which a program gave them."""

MISSING_ERRNOS = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO})

FIRST_PICTURE_TIMEOUT_S = 8.0
"""Some cameras take seconds to start."""
PICTURE_TIMEOUT_S = 2.0
"""A camera that stops giving pictures for this long is opened again."""
MAX_WAIT_S = 0.1
"""Longest single wait for a picture: a stop or a pause is noticed after it."""


@dataclass(frozen=True)
class Node:
    """A /dev/video* that appears to deliver pictures."""

    path: Path
    name: str
    is_usb: bool


def query(path: Path) -> tuple[int, str]:
    """Returns a node's capabilities, as bits of V4L2_CAP_*, and its bus; raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        answer = fcntl.ioctl(handle, VIDIOC_QUERYCAP, bytes(CAPABILITY.size))
    finally:
        os.close(handle)
    bus, of_device, of_node = CAPABILITY.unpack(answer)
    return (
        of_node if of_device & HAS_NODE_BITS else of_device,
        bus.rstrip(b"\0").decode(errors="replace"),
    )


def is_busy(path: Path) -> bool:
    """True if another program reads from a node: only one can have buffers for pictures."""
    wanted = REQUEST_BUFFERS.pack(1, BUFFER_TYPE_VIDEO_CAPTURE, MEMORY_MMAP, 0, 0)
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        fcntl.ioctl(handle, VIDIOC_REQBUFS, wanted)
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(handle)
    return False


class Cameras:
    """Looks for cameras again at each call, because they come and go."""

    def __init__(
        self,
        class_folder: Path = CLASS_FOLDER,
        device_folder: Path = DEVICE_FOLDER,
        query: Callable[[Path], tuple[int, str]] = query,
    ) -> None:
        self._class_folder, self._device_folder, self._query = class_folder, device_folder, query

    def find(self, source: int | str) -> Path:
        """Returns the node that a configured source names; raises SourceError listing those found.

        A number stands for /dev/video<number>, text with a slash for a path, other text for part
        of a name as `v4l2-ctl --list-devices` shows it; empty for the first camera, USB first.
        """
        if isinstance(source, int) or source.isdecimal():
            return self._checked(self._device_folder / f"video{source}")
        if "/" in source:
            return self._checked(Path(source))
        for node in (nodes := self.nodes()):
            if source.casefold() in node.name.casefold():
                return self._checked(node.path)
        if not nodes:
            raise SourceError("no camera found; plug one in")
        raise SourceError(f"not found; camera.source can name: {_names(nodes)}")

    def nodes(self) -> list[Node]:
        """Lists the nodes that capture, and those that this user may not query."""
        found = []
        for folder in sorted(self._class_folder.glob("video*"), key=_number):
            path = self._device_folder / folder.name
            try:
                name = (folder / "name").read_text(errors="replace").strip()
                index = int((folder / "index").read_text())
                capabilities, bus = self._query(path)
            except PermissionError:
                capabilities, bus = (0, "") if index else (VIDEO_CAPTURE, "")
            except (OSError, ValueError):
                continue
            captures = capabilities & VIDEO_CAPTURE and not capabilities & MEDIA_CONTROLLED
            if captures and not name.startswith(IGNORED_NAMES):
                found.append(Node(path, name, bus.startswith("usb-")))
        return sorted(found, key=lambda node: not node.is_usb)

    def _checked(self, path: Path) -> Path:
        """Returns the path of a node that opens and captures; OpenCV would not give the reason."""
        try:
            capabilities, _ = self._query(path)
        except PermissionError:
            raise SourceError(
                f"this user may not open {path}; is it in the group `video`?"
            ) from None
        except OSError as error:
            if error.errno in MISSING_ERRNOS:
                known = _names(self.nodes())
                hint = f"; found: {known}" if known else ""
                raise SourceError(
                    f"{path} not found; plug it in or set camera.source{hint}"
                ) from None
            if error.errno == errno.EBUSY:
                raise SourceError("it is in use by another program") from None
            raise SourceError(f"{path} is not a camera ({error.strerror})") from None
        if not capabilities & VIDEO_CAPTURE:
            raise SourceError(
                f"{path} gives no pictures; a camera may have several nodes, try another"
            )
        return path


class V4l2Camera(VideoSource):
    """A camera that the kernel knows."""

    def __init__(self, context: CaptureContext, cameras: Cameras) -> None:
        self._camera = _open(context, cameras)
        super().__init__(context, self._camera, PictureLiveness(context.name, FROZEN_S))

    def _grab(self) -> bool:
        if not self._wait_for_picture():
            return False
        if not self._camera.grab():
            raise SourceError(f"{self._name} gives no more pictures")
        return True

    def _wait_for_picture(self) -> bool:
        """False when stopped meanwhile; OpenCV's own wait takes ten seconds."""
        timeout_s = PICTURE_TIMEOUT_S if self.steps else FIRST_PICTURE_TIMEOUT_S
        started_s = self._clock.now_s()
        while not self._has_picture():
            if not self._context.continues():
                return False
            if self._clock.now_s() - started_s >= timeout_s:
                raise SourceError(f"{self._name} gives no pictures")
        return True

    def _has_picture(self) -> bool:
        try:
            found, _ready = cv2.VideoCapture.waitAny([self._camera], round(MAX_WAIT_S * 1e9))
        except cv2.error:
            raise SourceError(f"{self._name} is gone; plug it in again") from None
        return bool(found)


def _open(context: CaptureContext, cameras: Cameras) -> cv2.VideoCapture:
    config = context.config
    try:
        path = cameras.find(config.source)
    except SourceError as error:
        raise SourceError(f"{context.name}: {error}") from None
    capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    if not capture.isOpened():
        reason = (
            "it is in use by another program" if is_busy(path) else f"OpenCV cannot read {path}"
        )
        raise SourceError(f"{context.name} cannot be opened: {reason}")
    for key, value in properties(config):
        capture.set(key, value)
    return capture


def properties(config: Camera) -> list[tuple[int, float]]:
    """Returns what is requested from a camera, as OpenCV's properties: the format comes first."""
    wanted: list[tuple[int, float]] = []
    if config.format:
        wanted.append((cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.format.upper())))
    return [
        *wanted,
        (cv2.CAP_PROP_FRAME_WIDTH, config.width_px),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height_px),
        (cv2.CAP_PROP_FPS, config.fps),
    ]


def _names(nodes: list[Node]) -> str:
    return ", ".join(f"{node.name!r} ({node.path})" for node in nodes)


def _number(folder: Path) -> int:
    found = re.search(r"\d+$", folder.name)
    return int(found.group()) if found else 0
