"""A video is seen as a player shows it, at the times of its pictures."""

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.harness.media import mux, tone
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.frames import OpenCvVideo, TimedPictures, open_pictures, read_frames
from edge.config import Camera, Files
from edge.errors import EndsEarlyError, NoTrackError, SourceError
from edge.stderr import silenced_stderr
from edge.values import Pixels
from tests.support.clock import FakeClock, Racing

SQUARE: Pixels = np.zeros((96, 96, 3), np.uint8)
cv2.rectangle(SQUARE, (32, 32), (63, 63), (255, 255, 255), -1)


def _bright_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Returns left, top, width and height of what is bright."""
    return tuple(cv2.boundingRect((pixels[..., 1] > 128).astype(np.uint8)))  # type: ignore[return-value]


def test_frames_are_chosen_by_their_times_and_not_by_a_nominal_rate(tmp_path: Path) -> None:
    times_s = [0.0, 0.034, 0.046, 0.08, 0.5, 0.9, 0.92, 1.8]
    path = mux(tmp_path / "a.webm", pictures=[SQUARE] * len(times_s), times_s=times_s)
    found = [round(frame.captured_s, 3) for frame in read_frames(path, 15.0)]
    assert found == [0.0, 0.08, 0.5, 0.9, 1.8]


def test_no_more_frames_a_second_are_read_than_asked_for(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mp4", pictures=[SQUARE] * 60, codecs=("", "libx264"))
    for fps, count in ((60.0, 60), (15.0, 30), (10.0, 20), (1.0, 2)):
        assert len(list(read_frames(path, fps))) == count


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    for aspect, expected in {(2, 1): (96, 192), (1, 2): (192, 96)}.items():
        path = mux(tmp_path / "a.mp4", pictures=[SQUARE] * 3, codecs=("", "libx264"), aspect=aspect)
        frame = next(read_frames(path, 15.0))
        assert frame.pixels.shape[:2] == expected


MATRICES = {
    "turned by a quarter": ((0, 1, -1, 0), (0, 95)),
    "turned by a half": ((-1, 0, 0, -1), (95, 95)),
    "turned by three quarters": ((0, -1, 1, 0), (95, 0)),
    "mirrored": ((-1, 0, 0, 1), (0, 95)),
    "mirrored and turned": ((0, 1, 1, 0), (0, 0)),
}
"""A display matrix, and where it brings the upper left corner: row and column."""


@pytest.mark.parametrize("how", MATRICES)
def test_a_video_is_turned_and_mirrored_as_its_container_says(tmp_path: Path, how: str) -> None:
    marked = SQUARE.copy()
    marked[:20, :20] = 255  # the upper left corner
    upright = mux(tmp_path / "a.mp4", pictures=[marked] * 3, codecs=("", "libx264"))
    data = bytearray(upright.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    (a, b, c, d), (row, column) = MATRICES[how]
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(one.to_bytes(4, "big", signed=True) for one in values)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    pixels = next(read_frames(turned, 15.0)).pixels
    assert pixels[min(row, 80) :, min(column, 80) :][:16, :16].mean() > 200
    assert pixels.mean() < 100


def test_a_cover_picture_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "memo.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 96, 96, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(SQUARE, format="bgr24")))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(
            tone()[None].astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16_000
        for part in (frame, None):
            container.mux(sound.encode(part))
    with pytest.raises(NoTrackError, match="no picture track"):
        next(read_frames(path, 15.0))
    with (
        FileIO(path) as file,
        pytest.raises(NoTrackError, match="only a cover picture"),  # without PyAV
    ):
        OpenCvVideo(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), "it", 10**6, file)


@pytest.mark.parametrize("unknown", [0, 1, 2])
def test_a_track_of_pictures_in_an_unknown_codec_does_not_cost_the_other(
    tmp_path: Path, unknown: int
) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(SQUARE, format="bgr24")))
        for stream in streams:
            container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"avc1\0", b"none\0", unknown))
    if unknown < 2:
        assert _bright_box(next(read_frames(path, 15.0)).pixels)[2] == pytest.approx(32, abs=3)
    else:
        with pytest.raises(SourceError, match="cannot decode its pictures: an unknown codec"):
            next(read_frames(path, 15.0))


class ByItsClock:
    """A camera on the network that reports its clock instead of its rate."""

    def get(self, key: int) -> float:
        return 90_000.0 if key == cv2.CAP_PROP_FPS else 0.0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def grab(self) -> bool:
        return True


def test_a_network_camera_that_reports_its_clock_as_its_rate_is_no_cover_picture() -> None:
    assert OpenCvVideo(ByItsClock(), "it", 10**6).grab()  # type: ignore[arg-type]


def test_opencv_alone_gives_the_same_pictures_at_the_same_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.1, 0.15, 0.5]
    moving = [np.ascontiguousarray(np.roll(SQUARE, 8 * n, axis=1)) for n in range(4)]
    path = mux(tmp_path / "a.mkv", pictures=moving, times_s=times_s, aspect=(2, 1))
    video = OpenCvVideo(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), "it", 10**6)
    found = []
    while video.grab():
        found.append((round(video.time_s, 2), _bright_box(video.retrieve()[1])[0]))
    video.release()
    expected = [
        (round(one.captured_s, 2), _bright_box(one.pixels)[0]) for one in read_frames(path, 100.0)
    ]
    assert [time_s for time_s, _ in found] == times_s
    assert found == expected


def test_what_opencv_alone_cannot_decode_is_named(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mp4", pictures=[SQUARE] * 3, codecs=("", "libsvtav1"))
    video = OpenCvVideo(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), "it", 10**6)
    with silenced_stderr(), pytest.raises(SourceError, match=r"its AV1 pictures; .*media"):
        video.grab()
    video.release()


def test_reading_many_videos_leaves_no_threads_and_files_behind(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.webm", pictures=[SQUARE] * 3)
    counts = []
    for _ in range(4):
        list(read_frames(path, 30.0))
        next(read_frames(path, 30.0))
        counts.append([len(list(Path(f"/proc/self/{kind}").iterdir())) for kind in ("task", "fd")])
    assert counts[1:] == counts[:-1]


def opened_by_opencv(path: Path) -> OpenCvVideo:
    return OpenCvVideo(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), "it", 10**6, FileIO(path))


@pytest.mark.parametrize("opened", [open_pictures, opened_by_opencv])
def test_closing_a_video_twice_does_not_close_what_was_opened_in_between(
    tmp_path: Path, opened: Callable[[Path], TimedPictures]
) -> None:
    path = mux(tmp_path / "a.mkv", pictures=[SQUARE] * 3)
    video = opened(path)
    video.release()
    others = [os.open(path, os.O_RDONLY) for _ in range(8)]
    video.release()
    for other in others:
        os.close(other)  # raises OSError if it was closed


class Odd(float):
    """A limit that no check expects."""

    def __mul__(self, other: float) -> "Odd":
        return self

    def __round__(self, digits: object = None) -> "Odd":  # type: ignore[override]
        return self

    def __lt__(self, other: float) -> bool:
        raise ArithmeticError


@pytest.mark.parametrize("limit", [0.0, Odd()])
def test_a_video_that_cannot_be_opened_for_any_reason_is_closed(
    tmp_path: Path, limit: float
) -> None:
    path = mux(tmp_path / "a.mkv", pictures=[SQUARE] * 3)
    with pytest.raises((SourceError, ArithmeticError)) as raised:
        open_pictures(path, Files(max_picture_mpx=limit))
    assert raised.value  # its traceback keeps what was not closed
    assert str(path) not in {str(one.resolve()) for one in Path("/proc/self/fd").iterdir()}


def test_pictures_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.avi", pictures=[SQUARE] * 3, codecs=("", "mjpeg"))
    with pytest.raises(SourceError, match=r"files\.max_picture_mpx"):
        list(read_frames(path, 15.0, Files(max_picture_mpx=0.005)))


def test_a_recording_without_a_length_is_a_camera_that_plays_to_its_end(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.webm", pictures=[SQUARE] * 30, options={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    camera = open_camera(Camera(source=str(path), fps=30.0), FakeClock(), RunControl(stop=Racing()))
    frames = []
    while (frame := camera.read()) is not None:
        frames.append(frame)
    camera.close()
    assert len(frames) == 30
    assert np.diff([frame.captured_s for frame in frames]) == pytest.approx(1 / 30, abs=2e-3)


@pytest.mark.parametrize("interlaced", [True, False])
def test_an_interlaced_picture_is_that_of_one_moment(tmp_path: Path, interlaced: bool) -> None:
    left, right = SQUARE, np.ascontiguousarray(np.roll(SQUARE, 24, axis=1))
    woven = left.copy()
    woven[1::2] = right[1::2]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        stream.options = {"qp": "10"} | ({"x264-params": "tff=1"} if interlaced else {})
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(woven, format="bgr24")))
        container.mux(stream.encode(None))
    _, _, width, height = _bright_box(next(read_frames(path, 25.0)).pixels)
    assert height == pytest.approx(32, abs=3)
    assert width == pytest.approx(32 if interlaced else 56, abs=4)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".avi", "mjpeg"), (".wmv", "wmv2"), (".flv", "flv1")]
)
def test_half_of_a_video_without_an_index_is_refused(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 48, 64, 3), np.uint8)
    data = mux(tmp_path / f"a{suffix}", [], list(noise), codecs=("", codec)).read_bytes()
    half = tmp_path / f"half{suffix}"
    half.write_bytes(data[: len(data) // 2])
    with pytest.raises(EndsEarlyError, match=r"its pictures end after 1\.\d of [23]\.\d s"):
        list(read_frames(half, 30))
