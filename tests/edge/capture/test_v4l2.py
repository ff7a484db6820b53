"""Cameras by number, path and name, in folders as the kernel makes them.

`tests/live/kernel/run` has a real one, of a kernel in QEMU.
"""

import errno
from collections.abc import Mapping
from pathlib import Path

import cv2
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.sources import is_video_file
from edge.capture.v4l2 import MEDIA_CONTROLLED, VIDEO_CAPTURE, Cameras, properties
from edge.config import Camera
from edge.errors import SourceError
from tests.support.clock import FakeClock, Racing

METADATA = 0x0080_0000
MEMORY_TO_MEMORY = 0x8000


class Machine:
    """Has nodes by number: name, index in its device, abilities, and where it is attached."""

    def __init__(self, folder: Path) -> None:
        self.devices, self._class = folder / "dev", folder / "class"
        self.devices.mkdir()
        self._class.mkdir()
        self._answers: dict[Path, tuple[int, str] | OSError] = {}
        self.cameras = Cameras(self._class, self.devices, self._query)

    def plug(
        self, number: int, name: str, index: int = 0, can: int = VIDEO_CAPTURE, bus: str = "usb-1"
    ) -> Path:
        node, described = self.devices / f"video{number}", self._class / f"video{number}"
        node.touch()
        described.mkdir()
        (described / "name").write_text(f"{name}\n")
        (described / "index").write_text(f"{index}\n")
        self._answers[node] = (can, bus)
        return node

    def unplug(self, number: int) -> None:
        (self.devices / f"video{number}").unlink()
        for file in (described := self._class / f"video{number}").iterdir():
            file.unlink()
        described.rmdir()

    def refuse(self, number: int, why: int) -> None:
        self._answers[self.devices / f"video{number}"] = OSError(why, "")

    def _query(self, path: Path) -> tuple[int, str]:
        if not path.exists():
            raise OSError(errno.ENOENT, "")
        answer = self._answers[path.resolve()]
        if isinstance(answer, OSError):
            raise OSError(answer.errno, "")  # which chooses its kind by the number
        return answer


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_camera_is_found_by_part_of_its_name_and_not_its_node_for_metadata(
    machine: Machine,
) -> None:
    machine.plug(0, "Integrated Webcam: Front")
    machine.plug(10, "HD Pro Webcam C920", index=1, can=METADATA)
    c920 = machine.plug(9, "HD Pro Webcam C920")
    assert machine.cameras.find("c920") == c920


def test_a_camera_that_comes_back_under_another_number_is_found_by_its_name(
    machine: Machine,
) -> None:
    machine.plug(0, "HD Pro Webcam C920")
    machine.unplug(0)
    with pytest.raises(SourceError, match="no camera found; plug one in"):
        machine.cameras.find("C920")
    node = machine.plug(2, "HD Pro Webcam C920")
    assert machine.cameras.find("C920") == node


def test_a_camera_is_found_by_number_and_by_path(machine: Machine) -> None:
    node = machine.plug(3, "any")
    by_id = machine.devices / "usb-any-index0"
    by_id.symlink_to(node)
    assert machine.cameras.find(3) == machine.cameras.find("3") == node
    assert machine.cameras.find(str(by_id)) == by_id


def test_without_a_name_the_first_camera_is_taken_of_usb_before_others(machine: Machine) -> None:
    machine.plug(0, "rp1-cfe-csi2_ch0", can=VIDEO_CAPTURE | MEDIA_CONTROLLED, bus="platform:x")
    machine.plug(10, "bcm2835-codec-decode", can=MEMORY_TO_MEMORY, bus="platform:x")
    machine.plug(14, "bcm2835-isp-capture0", bus="platform:x")
    with pytest.raises(SourceError, match="no camera found"):
        machine.cameras.find("")
    virtual = machine.plug(20, "OBS", bus="platform:v4l2loopback")
    assert machine.cameras.find("") == virtual
    machine.plug(101, "second")
    usb = machine.plug(21, "first")
    assert machine.cameras.find("") == usb


def test_an_unknown_name_is_answered_with_the_cameras_there_are(machine: Machine) -> None:
    machine.plug(0, "Front")
    node = machine.plug(2, "Back")
    with pytest.raises(SourceError) as caught:
        machine.cameras.find("c920")
    front = machine.devices / "video0"
    assert str(caught.value) == (
        f"not found; camera.source can name: 'Front' ({front}), 'Back' ({node})"
    )
    with pytest.raises(SourceError, match=r"video7 not found; .*found: 'Front'"):
        machine.cameras.find(7)


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (errno.EACCES, "this user may not open .*video0; is it in the group `video`"),
        (errno.EBUSY, "it is in use by another program"),
        (errno.ENODEV, "video0 not found; plug it in"),
        (errno.ENOTTY, "video0 is not a camera"),
    ],
)
def test_the_reason_why_a_camera_cannot_be_opened_is_reported(
    machine: Machine, why: int, sentence: str
) -> None:
    machine.plug(0, "Front")
    machine.refuse(0, why)
    with pytest.raises(SourceError, match=sentence):
        machine.cameras.find(0)


def test_a_camera_that_this_user_may_not_open_is_not_passed_over(machine: Machine) -> None:
    machine.plug(0, "Front")
    machine.refuse(0, errno.EACCES)
    with pytest.raises(SourceError, match="is it in the group `video`"):
        machine.cameras.find("")


def test_a_node_without_pictures_is_refused(machine: Machine) -> None:
    machine.plug(1, "Front", index=1, can=METADATA)
    with pytest.raises(SourceError, match="video1 gives no pictures; a camera may have several"):
        machine.cameras.find(1)


def test_the_camera_meant_is_named_in_what_is_wrong(machine: Machine) -> None:
    expected: Mapping[int | str, str] = {
        "": "the first camera: no camera found; plug one in",
        "C920": "camera 'C920': no camera found; plug one in",
    }
    for source, sentence in expected.items():
        with pytest.raises(SourceError) as caught:
            open_camera(
                Camera(source=source),
                FakeClock(),
                RunControl(stop=Racing()),
                cameras=machine.cameras,
            )
        assert str(caught.value) == sentence


def test_files_are_distinguished_from_cameras() -> None:
    assert is_video_file(str(HAPPY_CLIP))
    assert is_video_file("not there yet.mp4")
    for source in (0, "", "C920", "/dev/video0", "/dev/v4l/by-id/usb-a.b-video-index0"):
        assert not is_video_file(source)
    assert not is_video_file("rtsp://host/stream.mp4")


def test_the_format_is_requested_before_the_size_that_depends_on_it() -> None:
    wanted = properties(Camera(format="mjpg", width_px=1280, height_px=720, fps=30))
    assert wanted == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 30),
    ]
    assert cv2.CAP_PROP_FOURCC not in dict(properties(Camera()))
