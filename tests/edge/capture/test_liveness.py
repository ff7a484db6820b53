"""Pictures and sound of broken devices, distinguished from those of working ones."""

import threading
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.liveness import BLACK_S, FROZEN_S, LIT_S, PictureLiveness, SoundLiveness
from edge.capture.media import read_frames, read_sound
from edge.capture.v4l2 import VIDEO_CAPTURE, Cameras
from edge.clock import Clock
from edge.config import Camera
from edge.errors import Paused, SourceError
from edge.resources import SAMPLES
from edge.values import AudioBlock, Frame
from tests.support.clock import FakeClock, Racing

CLIPS = sorted(SAMPLES.glob("*.mkv"))
FPS = 15.0
Picture = npt.NDArray[np.uint8]


def _seen(
    pictures: Iterable[Picture], signs: PictureLiveness | None = None
) -> list[tuple[bool, str]]:
    """Returns for each picture whether it is new, and the reported fault."""
    signs = signs or PictureLiveness("camera 0")
    return [
        (signs.update(Frame(picture, number / FPS)), signs.fault)
        for number, picture in enumerate(pictures)
    ]


def _noise(level: float, spread: float, seconds: float, seed: int = 0) -> list[Picture]:
    rng = np.random.default_rng(seed)
    shape = (round(seconds * FPS), 48, 64, 3)
    return list(np.clip(rng.normal(level, spread, shape), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_an_ordinary_clip_counts_neither_as_frozen_nor_as_black(clip: object) -> None:
    pictures = [frame.pixels for frame in read_frames(SAMPLES / str(clip), 30.0)]
    assert set(_seen(pictures)) == {(True, "")}


@cache
def _scene() -> list[Picture]:
    return [frame.pixels[::4, ::4] for frame in read_frames(HAPPY_CLIP, 10.0)]


@settings(max_examples=12)
@given(
    light=st.floats(0.25, 4.0),
    noise=st.floats(0.6, 10.0),
    order=st.permutations(range(20)),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_scene_that_can_be_seen_counts_as_frozen_or_black(
    light: float, noise: float, order: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scene = _scene()
    lit = (scene[number % len(scene)] * light for number in [*order, *order])
    noisy = (np.clip(one + rng.normal(0, noise, one.shape), 0, 255) for one in lit)
    assert set(_seen(np.asarray(picture, np.uint8) for picture in noisy)) == {(True, "")}


def test_a_still_scene_through_a_sensor_is_not_frozen() -> None:
    rng = np.random.default_rng(0)
    scene = next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels
    noisy = (cv2.add(scene, rng.integers(0, 2, scene.shape, np.uint8)) for _ in range(60))
    assert set(_seen(np.asarray(picture, np.uint8) for picture in noisy)) == {(True, "")}


def test_a_camera_that_repeats_its_picture_has_failed_and_no_copy_counts() -> None:
    moving = _noise(100, 20, 1.0)
    signs = PictureLiveness("camera 0")
    copies = [moving[-1]] * (round(FROZEN_S * FPS) - 1)
    assert [new for new, _ in _seen([*moving, *copies], signs)] == [True] * 15 + [False] * 29
    with pytest.raises(SourceError, match="camera 0 repeats its last picture"):
        signs.update(Frame(moving[-1], 1.0 + FROZEN_S))


def test_a_stream_that_may_repeat_its_last_picture_is_given_longer() -> None:
    still = [_noise(100, 20, 0.1)[0]] * round(5 * FPS)
    assert [new for new, _ in _seen(still, PictureLiveness("camera", 10.0))].count(True) == 1


@pytest.mark.parametrize("level", [0, 3, 12])
def test_a_picture_that_stays_black_is_reported_until_there_is_light(level: float) -> None:
    before, black = _noise(90, 30, 1), _noise(level, 1.5, BLACK_S + 2)
    after = _noise(60, 20, LIT_S + 1)
    faults = [fault for _, fault in _seen([*before, *black, *after])]
    dark = "camera 0 sees only black: is its lens covered, or the room dark?"
    assert set(faults[: len(before) + round(BLACK_S * FPS) - 1]) == {""}
    lit = len(before) + len(black) + round(LIT_S * FPS) - 1
    assert set(faults[lit - round(2 * FPS) : lit]) == {dark}
    assert set(faults[lit:]) == {""}


def test_a_camera_that_flickers_between_black_and_not_stays_black() -> None:
    flash = _noise(90, 30, 0.5 * LIT_S)
    flickering = [*_noise(90, 30, 1), *_noise(3, 1.5, BLACK_S + 1)]
    for seed in range(5):
        flickering += [*flash, *_noise(3, 1.5, BLACK_S + 1, seed)]
    faults = [fault for _, fault in _seen(flickering)]
    assert sum(one != other for one, other in pairwise(faults)) == 1
    assert faults[-1]


def test_a_lamp_in_a_dark_room_is_something_to_see() -> None:
    dark = _noise(3, 1.5, BLACK_S + 2)
    for picture in dark:
        picture[10:20, 10:20] = 200
    assert {fault for _, fault in _seen(dark)} == {""}


def test_light_at_the_border_to_black_does_not_flicker_in_the_status() -> None:
    rng = np.random.default_rng(0)
    dusk = [_noise(rng.uniform(14, 19), 2, 0.1, number)[0] for number in range(200)]
    faults = [fault for _, fault in _seen([*_noise(2, 1, BLACK_S + 1), *dusk])]
    changes = sum(one != other for one, other in pairwise(faults))
    assert changes == 1


def test_ordinary_sound_and_a_quiet_room_are_no_silence() -> None:
    rng = np.random.default_rng(0)
    signs = SoundLiveness("microphone")
    quiet = np.rint(rng.normal(0, 0.5, 100 * 16000)).astype(np.int16)
    for sound in (read_sound(HAPPY_CLIP), quiet):
        for number, block in enumerate(np.array_split(sound, len(sound) // 800)):
            signs.update(AudioBlock(block, number * 0.05))
            assert signs.fault == ""


def test_a_video_file_may_show_a_still_and_black_picture(tmp_path: object) -> None:
    clip = f"{tmp_path}/still.avi"
    video = cv2.VideoWriter(clip, cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (64, 48))
    for _ in range(90):
        video.write(np.zeros((48, 64, 3), np.uint8))
    video.release()
    source = open_camera(Camera(source=clip), FakeClock(), RunControl(stop=Racing()))
    frames = 0
    while source.read() is not None:
        frames += 1
        assert source.fault == ""
    assert frames == 90


def test_a_stop_and_a_pause_end_reading() -> None:
    """Also where nothing new comes, as from a network camera before a still scene."""
    stop, running = threading.Event(), threading.Event()
    running.set()
    camera = Camera(source=str(HAPPY_CLIP))
    source = open_camera(camera, FakeClock(), RunControl(running, stop))
    assert source.read() is not None
    running.clear()
    with pytest.raises(Paused):
        source.read()
    running.set()
    assert source.read() is not None
    stop.set()
    assert source.read() is None


class Mute:
    """The used part of an OpenCV camera; it gives no picture."""

    waits: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, *source: object) -> None:
        pass

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def getBackendName(self) -> str:  # noqa: N802
        return "V4L2"

    def get(self, prop: int) -> float:
        return 0.0

    def set(self, prop: int, value: float) -> bool:
        return True

    @classmethod
    def waitAny(cls, cameras: list["Mute"], timeout_ns: int) -> tuple[bool, list[int]]:  # noqa: N802
        cls.waits()
        return False, []

    def grab(self) -> bool:
        raise AssertionError("it would hold the camera for ten seconds")


def test_a_stop_and_a_pause_end_the_wait_for_a_camera_that_gives_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop, running = threading.Event(), threading.Event()
    running.set()
    monkeypatch.setattr(cv2, "VideoCapture", Mute)
    cameras = Cameras(query=lambda path: (VIDEO_CAPTURE, "usb-1"))
    source = open_camera(Camera(source=0), Clock(), RunControl(running, stop), cameras=cameras)
    monkeypatch.setattr(Mute, "waits", running.clear)
    with pytest.raises(Paused):
        source.read()
    running.set()
    monkeypatch.setattr(Mute, "waits", stop.set)
    assert source.read() is None
