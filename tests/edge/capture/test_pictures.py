"""Pictures of any format, depth and name are read; those that claim too much are refused."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.heif import avif_of_tiles
from benchmarks.harness.media import ordinary_scheduling
from edge.capture.folders import media_files
from edge.capture.kinds import kind_of
from edge.capture.picture_header import picture_size
from edge.capture.pictures import decode_picture, read_picture
from edge.config import Files
from edge.errors import SourceError
from edge.values import Pixels

GRADIENT: Pixels = np.ascontiguousarray(
    np.dstack([np.tile(np.linspace(0, 255, 40, dtype=np.uint8), (30, 1))] * 3)
)


def difference(one: Pixels, other: Pixels) -> float:
    """Returns the mean difference of two pictures of one size, in grey levels."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.float32) - other).mean())


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, rest: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rest


@pytest.mark.parametrize(
    "suffix", [".avif", ".bmp", ".gif", ".jpg", ".png", ".ppm", ".tiff", ".webp"]
)
def test_the_size_of_each_format_is_read_from_its_header_and_the_picture_is_decoded(
    suffix: str,
) -> None:
    encoded, data = cv2.imencode(suffix, GRADIENT)
    assert encoded
    assert picture_size(data.tobytes()) == (40, 30)
    pixels = decode_picture(data.tobytes(), "it")
    assert pixels.shape == (30, 40, 3)
    assert difference(pixels, GRADIENT) < 20


@pytest.mark.parametrize("name", ["a.jfif", "a.HEIC", "a.jpg.download", "a"])
def test_a_picture_is_known_by_its_content_and_not_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(cv2.imencode(".jpg", GRADIENT)[1].tobytes())
    assert kind_of(path) == "picture"
    assert read_picture(path).shape == (30, 40, 3)
    assert media_files(tmp_path).files == (path,)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_picture_of_any_depth_in_16_bits_is_as_bright_as_in_8(bits: int) -> None:
    deep = GRADIENT.astype(np.uint16) * ((1 << bits) // 256)
    for suffix in (".png", ".tiff"):
        pixels = decode_picture(cv2.imencode(suffix, deep)[1].tobytes(), "it")
        assert pixels.dtype == np.uint8
        assert difference(pixels, GRADIENT) < 2


def test_a_phones_picture_is_turned_upright_by_exif(tmp_path: Path) -> None:
    lying = np.ascontiguousarray(np.rot90(GRADIENT))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    jpeg = cv2.imencode(".jpg", lying)[1].tobytes()
    marked = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert difference(decode_picture(marked, "it"), GRADIENT) < 4


def heic(path: Path, pixels: Pixels) -> bytes:
    """Returns a HEIC as a phone writes it, of one tile."""
    with ordinary_scheduling(), av.open(str(path), "w", format="avif") as container:
        stream = container.add_stream("libsvtav1")
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path.read_bytes().replace(b"ftypavif", b"ftypmif1")


def test_an_avif_of_a_phone_is_decoded_where_opencv_cannot(tmp_path: Path) -> None:
    from edge.capture.heif import decode_heif

    picture = np.asarray(cv2.resize(GRADIENT, (160, 120)), np.uint8)
    data = heic(tmp_path / "a.avif", picture)
    assert picture_size(data) == (160, 120)
    assert difference(decode_heif(data, "it"), picture) < 8


@pytest.mark.parametrize(
    "data",
    [
        png(70_000, 70_000),
        png(30_000, 30_000),
        png(7000, 7000, chunk(b"IDAT", zlib.compress(bytes(1000)))),
        png(8, 8, b"\x80\0\0\0IDAT" + bytes(200)),
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 30_000, 30_000, 1, 24, *[0] * 6),
        b"P6 60000 60000 255\n" + bytes(100),
        b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(100),
    ],
)
def test_a_header_that_claims_too_much_is_refused_and_takes_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"max_picture_mpx|is it complete\?"):
            decode_picture(data, "it")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_picture_beyond_the_limit_is_refused_and_the_limit_can_be_raised() -> None:
    data = cv2.imencode(".jpg", np.zeros((1200, 1000, 3), np.uint8))[1].tobytes()
    sentence = r"it: 1000x1200 pixels are more than files\.max_picture_mpx allows"
    with pytest.raises(SourceError, match=sentence):
        decode_picture(data, "it", Files(max_picture_mpx=1.0))
    assert decode_picture(data, "it", Files(max_picture_mpx=1.2)).shape == (1200, 1000, 3)


@pytest.mark.parametrize(("sample", "most"), [(np.uint16, 10), (np.float32, 16)])
def test_a_deep_picture_takes_little_more_memory_than_its_samples(sample: type, most: int) -> None:
    side = 1000
    deep: Any = np.ones((side, side, 3), sample)
    data = cv2.imencode(".tiff", deep)[1].tobytes()
    tracemalloc.start()
    try:
        decode_picture(data, "it")
        assert tracemalloc.get_traced_memory()[1] - len(data) < most * side * side
    finally:
        tracemalloc.stop()


def test_a_picture_whose_samples_are_long_is_refused_by_its_header() -> None:
    doubles = cv2.imencode(".tiff", np.zeros((1000, 1000, 3), np.float64))[1].tobytes()
    with pytest.raises(SourceError, match="1000x1000 pixels of 24 bytes need too much memory"):
        decode_picture(doubles, "it", Files(max_picture_mpx=1.0))
    assert decode_picture(doubles, "it", Files(max_picture_mpx=3.0)).shape == (1000, 1000, 3)


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\xff\xd8\xff\xe0", b"II*\0", b"BM", b"P6 "])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"not a readable picture"):
        decode_picture(data, "it")


@pytest.mark.parametrize("start", [b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"])
def test_a_jpeg_xl_is_a_picture_that_is_to_be_converted(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(start + bytes(range(256)))
    assert kind_of(path) == "picture"
    with pytest.raises(SourceError, match="cannot decode JPEG XL; convert it to JPEG"):
        read_picture(path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_of_any_format_is_turned_as_it_says(form: str, orientation: int) -> None:
    shown = np.zeros((96, 128, 3), np.uint8)
    shown[:32, :32] = 255
    mirrored = shown[:, ::-1] if orientation in (2, 4, 5, 7) else shown
    stored = np.rot90(mirrored, {3: 2, 4: 2, 5: 1, 6: 1, 7: 3, 8: 3}.get(orientation, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(stored)).save(file, form, exif=exif)
    assert difference(decode_picture(file.getvalue(), "it"), shown) < 8


@pytest.mark.parametrize("quarters", range(4))
def test_a_picture_of_tiles_with_a_thumbnail_is_put_together_and_turned(quarters: int) -> None:
    shown = cv2.resize(GRADIENT, (200, 150))
    shown[10:50, 10:60] = 255  # the upper left corner
    data = avif_of_tiles(np.asarray(shown, np.uint8), 64, quarters)
    assert picture_size(data) == (200, 150)
    pixels = decode_picture(data, "it")
    assert pixels.shape == np.rot90(shown, quarters).shape
    assert difference(pixels, np.ascontiguousarray(np.rot90(shown, quarters))) < 20


def test_a_picture_whose_tiles_are_cut_off_is_refused() -> None:
    data = avif_of_tiles(np.asarray(cv2.resize(GRADIENT, (200, 150)), np.uint8), 64)
    with pytest.raises(SourceError, match="cannot decode this AVIF: not a readable picture"):
        decode_picture(data[:-150], "it")


def test_a_picture_that_lacks_a_tile_is_refused() -> None:
    data = avif_of_tiles(np.asarray(cv2.resize(GRADIENT, (200, 150)), np.uint8), 64)
    third, unknown = b"\0\3\0\0av01", b"\0\3\0\0none"
    assert data.count(third) == 1
    with pytest.raises(SourceError, match=r"1 of its 12 tiles are missing; is it complete\?"):
        decode_picture(data.replace(third, unknown), "it")


def test_a_grid_that_claims_more_than_its_file_is_refused_before_it_takes_memory() -> None:
    data = avif_of_tiles(np.asarray(cv2.resize(GRADIENT, (200, 150)), np.uint8), 64)
    grid = bytes([0, 0, 2, 3, 0, 200, 0, 150])
    assert data.count(grid) == 1
    with pytest.raises(SourceError, match="its header is damaged"):
        decode_picture(data.replace(grid, bytes([0, 0, 2, 3, 255, 255, 255, 255])), "it")


def test_the_transparency_of_a_picture_does_not_matter() -> None:
    transparent = np.dstack([GRADIENT, np.full(GRADIENT.shape[:2], 99, np.uint8)])
    for suffix in (".avif", ".png", ".webp"):
        data = bytes(cv2.imencode(suffix, transparent)[1])
        assert difference(decode_picture(data, "it"), GRADIENT) < 20


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_read_and_one_that_lacks_more_is_refused(
    progressive: int,
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = bytes(cv2.imencode(".jpg", noise, (cv2.IMWRITE_JPEG_PROGRESSIVE, progressive))[1])
    assert np.array_equal(decode_picture(data[:-2], "it"), decode_picture(data, "it"))
    with pytest.raises(SourceError, match=r"it: not a readable picture; is it complete\?"):
        decode_picture(data[: len(data) * 9 // 10], "it")


def test_a_format_that_nobody_reads_is_not_said_to_be_incomplete() -> None:
    with pytest.raises(SourceError, match="it: not a readable picture: of no known format; conv"):
        decode_picture(b"\0\0\1\0\1\0" + bytes(100), "it")  # an icon
