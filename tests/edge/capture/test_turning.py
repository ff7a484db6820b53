import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.media import read_frames
from edge.capture.turning import turned
from edge.config import Camera
from edge.values import Frame
from tests.support.clock import FakeClock, Racing

CORNERS = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)[:, :, None].repeat(3, axis=2)
"""Three rows of two pixels."""


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        (Camera(), [[1, 2], [3, 4], [5, 6]]),
        (Camera(rotate=90), [[5, 3, 1], [6, 4, 2]]),
        (Camera(rotate=180), [[6, 5], [4, 3], [2, 1]]),
        (Camera(rotate=270), [[2, 4, 6], [1, 3, 5]]),
        (Camera(mirror=True), [[2, 1], [4, 3], [6, 5]]),
        (Camera(rotate=90, mirror=True), [[1, 3, 5], [2, 4, 6]]),
        (Camera(region=(0.5, 0.0, 1.0, 0.67)), [[2], [4]]),
        (Camera(rotate=90, region=(0.34, 0.5, 1.0, 1.0)), [[4, 2]]),
        (Camera(region=(0.99, 0.99, 1.0, 1.0)), [[6]]),
    ],
)
def test_a_picture_is_turned_clockwise_and_then_mirrored(
    camera: Camera, expected: list[list[int]]
) -> None:
    frame = turned(Frame(CORNERS, 7.0), camera)
    assert frame.pixels[:, :, 0].tolist() == expected
    assert frame.captured_s == 7.0


def test_the_pictures_of_a_source_are_turned_once() -> None:
    upright = next(iter(read_frames(HAPPY_CLIP, 30.0))).pixels
    camera = Camera(source=str(HAPPY_CLIP), rotate=90, mirror=True)
    video = open_camera(camera, FakeClock(), RunControl(stop=Racing()))
    frame = video.read()
    video.close()
    assert frame is not None
    assert np.array_equal(frame.pixels, upright.transpose(1, 0, 2))
