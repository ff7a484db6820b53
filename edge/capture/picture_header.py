"""Reads the size of a picture from its header, before a decoder takes memory for it."""

import re
import struct
from collections.abc import Callable, Iterator

Size = tuple[int, int]
"""Width and height in pixels, as the header claims them."""

DEFLATE_MAX_RATIO = 1032
"""Deflate makes at most this many bytes of one."""
PNG_SIGNATURE_BYTES, PNG_HEADER_BYTES = 8, 33
PNG_CHUNK_FRAME_BYTES = 12
"""Bytes of a chunk of a PNG besides its content: length, type and checksum."""
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels by PNG's colour type."""
# JPEG's start-of-frame markers are 0xC0 to 0xCF, without these three.
JPEG_FRAME, JPEG_NO_FRAME = range(0xC0, 0xD0), (0xC4, 0xC8, 0xCC)
JPEG_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xDA))
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_BITS, TIFF_SAMPLES = 258, 277
TIFF_SHORT = 3
PNM = re.compile(rb"P[1-6]\s(?:\s|#[^\n]*\n)*(\d{1,9})\s(?:\s|#[^\n]*\n)*(\d{1,9})\s")


def is_known(data: bytes) -> bool:
    """Returns True for the start of a picture file of a format that is read here."""
    return any(start.match(data) for start, _ in READERS)


def picture_size(data: bytes) -> Size | None:
    """Returns the claimed size of a picture file; None if it has none or is of no known format."""
    read = next((read for start, read in READERS if start.match(data)), None)
    if read is None:
        return None
    try:
        return read(data)
    except (struct.error, IndexError):  # it ends within its header
        return None


def claims_too_much(data: bytes) -> bool:
    """Returns True for a PNG whose headers claim more pixels or bytes than the file can hold."""
    if not data.startswith(b"\x89PNG"):
        return False
    at = PNG_SIGNATURE_BYTES
    while at < len(data) and data[at + 4 : at + 8] != b"IEND":
        at += PNG_CHUNK_FRAME_BYTES + int.from_bytes(data[at : at + 4], "big")
    if at > len(data) or len(data) < PNG_HEADER_BYTES:
        return True
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    row_bytes = (width * bits * PNG_CHANNELS.get(colour, 4) + 7) // 8 + 1
    return bool(height * row_bytes > DEFLATE_MAX_RATIO * len(data))


def bytes_per_pixel(data: bytes) -> float:
    """Returns the bytes of a pixel once it is decoded: 3, unless a PNG or TIFF claims more."""
    claimed = 3.0
    try:
        if data.startswith(b"\x89PNG"):
            bits, colour = struct.unpack_from(">BB", data, 24)
            claimed = bits * PNG_CHANNELS.get(colour, 4) / 8
        elif data[:4] in (b"II*\0", b"MM\0*"):
            found = dict(tiff_values(data))
            claimed = found.get(TIFF_BITS, 1) * found.get(TIFF_SAMPLES, 1) / 8
    except struct.error:  # it ends within its header
        pass
    return max(claimed, 3.0)


def _png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> Size:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", data, 18)
    return abs(width), abs(height)


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        marker = data[at + 1]
        if marker in JPEG_FRAME and marker not in JPEG_NO_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1
        if marker not in (0, 0xFF, *JPEG_WITHOUT_LENGTH):
            at += 1 + struct.unpack_from(">H", data, at + 1)[0]
    return None


def _tiff(data: bytes) -> Size:
    found = dict(tiff_values(data))
    return found.get(TIFF_WIDTH, 0), found.get(TIFF_HEIGHT, 0)


def tiff_values(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields each tag and its first value, a whole number; raises struct.error at a break."""
    order = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, at)
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, entry)
        form = f"{order}{'H' if kind == TIFF_SHORT else 'I'}"
        place = entry + 8
        if kind == TIFF_SHORT and count > 2 and tag == TIFF_BITS:  # too long for the entry
            (place,) = struct.unpack_from(f"{order}I", data, place)
        yield tag, struct.unpack_from(form, data, place)[0]


def _webp(data: bytes) -> Size:
    if data[12:16] == b"VP8X":
        fields = (data[24:27], data[27:30])
        width, height = (int.from_bytes(one, "little") + 1 for one in fields)
        return width, height
    if data[12:16] == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_2000(data: bytes) -> Size:
    height, width = struct.unpack_from(">II", data, data.index(b"ihdr") + 4)
    return width, height


def _pnm(data: bytes) -> Size | None:
    found = PNM.match(data)
    return (int(found[1]), int(found[2])) if found else None


def _heif(data: bytes) -> Size | None:
    """Returns the largest of the sizes: those of the whole picture, its tiles and thumbnails."""
    sizes = [
        struct.unpack_from(">II", data, found.end() + 4) for found in re.finditer(b"ispe", data)
    ]
    return max(sizes, key=lambda size: size[0] * size[1]) if sizes else None


READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Size | None]], ...] = (
    (re.compile(rb"\x89PNG"), _png),
    (re.compile(rb"\xff\xd8"), _jpeg),
    (re.compile(rb"RIFF....WEBP", re.S), _webp),
    (re.compile(rb"GIF8"), _gif),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"II\*\0|MM\0\*"), _tiff),
    (re.compile(rb"\0\0\0\x0cjP"), _jpeg_2000),
    (re.compile(rb"P[1-6]\s"), _pnm),
    (re.compile(rb"....ftyp", re.S), _heif),
)
"""The reader of each format, by the start of its files."""
