"""A file is what its content is, and a text is not taken for anything else."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile

from benchmarks.harness.media import mux, tone
from benchmarks.harness.media_corpus import PICTURES, SOUND_FILES, SOUND_TRACKS, VIDEOS, whole
from edge.capture.folders import media_files
from edge.capture.kinds import HEAD_BYTES, is_animation, kind_of, kind_of_bytes
from edge.capture.media import decode_picture, read_frames


@pytest.mark.parametrize("suffix", [*PICTURES, *SOUND_FILES, *SOUND_TRACKS, *VIDEOS])
def test_a_file_without_a_name_is_known_by_its_content(suffix: str) -> None:
    kind = kind_of_bytes(whole(suffix)[:HEAD_BYTES])
    if suffix in PICTURES:
        assert kind == "picture"
    elif suffix in VIDEOS or suffix in (".ogg", ".opus", ".m4a", ".mka"):
        assert kind == "video"  # the container may have pictures
    else:
        assert kind == "sound"


@pytest.mark.parametrize(
    "text",
    [
        "P1 is urgent, P2 is not\n",
        "P1 2023 4 items were sold\n",
        "P5",
        "import { Grid } from './grid'\n" * 40,
        "G" * 2000,
        "ÿû is a strange word, naïve is not\n" * 40,
    ],
)
@pytest.mark.parametrize("name", ["a.ts", "a.mts", "a.txt", "a"])
def test_a_text_is_a_text(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert kind_of(tmp_path / name) == "text"


def test_a_text_in_utf_16_is_no_sound() -> None:
    assert kind_of_bytes("one line of text\n".encode("utf-16")) is None


def test_a_damaged_file_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a picture")
    (tmp_path / "a.ts").write_bytes(bytes(2000))
    assert kind_of(tmp_path / "a.jpg") == "picture"
    assert kind_of(tmp_path / "a.ts") == "video"


@pytest.mark.parametrize(
    "head", [b"P1\n# by hand\n2 2\n0 1\n1 0\n", b"P4 8 1 \xff", b"P6\n1 1\n255\nabc"]
)
def test_a_netpbm_picture_is_a_picture(head: bytes) -> None:
    assert kind_of_bytes(head) == "picture"


def test_a_transport_stream_is_known_within_a_packet_and_with_times_before_each(
    tmp_path: Path,
) -> None:
    path = mux(
        tmp_path / "a.ts",
        [tone()],
        [np.zeros((48, 64, 3), np.uint8)] * 9,
        codecs=("mp2", "libx264"),
    )
    data = path.read_bytes()
    assert kind_of_bytes(data[100:][:HEAD_BYTES]) == "video"
    packets = [data[at : at + 188] for at in range(0, 1880, 188)]
    assert kind_of_bytes(b"".join(b"\0\0\1\2" + one for one in packets)[:HEAD_BYTES]) == "video"


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
def test_an_mp3_without_tags_and_a_name_is_a_sound(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "download"
    soundfile.write(path, tone(rate_hz=rate_hz), rate_hz, format="MP3")
    assert path.read_bytes()[0] == 0xFF
    assert kind_of(path) == "sound"


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
def test_an_animation_is_told_from_a_picture(tmp_path: Path, suffix: str) -> None:
    path, pixels = tmp_path / f"a{suffix}", np.zeros((48, 64, 3), np.uint8)
    cv2.imwrite(str(path), pixels)
    assert not is_animation(path)
    animation = cv2.Animation()
    animation.frames, animation.durations = [pixels, pixels + 99], [100, 100]
    assert cv2.imwriteanimation(str(path), animation)
    assert is_animation(path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x7f\xfe\x80\x01\xfc\x3c", "sound"),
        (b"Creative Voice File\x1a\x1a\0", "sound"),
        (b"NIST_1A\n   1024\nsample_count -i 100\n", "sound"),
        (b"TTA1\1\0", "sound"),
        (b"wvpk\x20\0", "sound"),
        (b"FORM\0\0\1\0008SVXVHDR", "sound"),
        (b"YUV4MPEG2 W480 H360\n", "video"),
    ],
)
def test_rarer_formats_are_known_without_a_name_too(head: bytes, kind: str) -> None:
    assert kind_of_bytes(head) == kind


@pytest.mark.parametrize("suffix", [".dpx", ".j2k", ".pcx", ".qoi", ".sgi", ".y4m"])
def test_rarer_pictures_and_videos_are_read_in_a_folder(tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"face{suffix}"
    codec = {".j2k": "jpeg2000", ".y4m": "rawvideo"}.get(suffix, suffix[1:])
    with av.open(str(picture), "w", format="yuv4mpegpipe" if suffix == ".y4m" else "image2") as out:
        stream = out.add_stream(codec, rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p" if suffix == ".y4m" else "rgb24"
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), "rgb24")
        out.mux([*stream.encode(frame.reformat(format=stream.pix_fmt)), *stream.encode()])
    assert media_files(tmp_path).files == (picture,)
    if kind_of(picture) == "picture":
        pixels = decode_picture(picture.read_bytes(), picture.name)
    else:
        pixels = next(iter(read_frames(picture, 1.0))).pixels
    assert pixels.shape == (64, 64, 3)
