"""Tells pictures, sounds and videos apart by their first bytes, and by name where these are none.

Names are often wrong: a phone calls a JPEG `.jfif`, and a download has no suffix at all.
"""

import codecs
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from edge.capture.files import open_file

Kind = Literal["picture", "sound", "video", "text"]
"""A `video` may have pictures, sound, or both."""

PICTURES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg"}
    | {".jp2", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
    | {".j2c", ".j2k", ".jpx"}
)
SOUNDS = frozenset(
    {".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".m4b"}
    | {".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav", ".wma"}
    | {".8svx", ".awb", ".dts", ".loas", ".sph", ".spx", ".tta", ".voc", ".wv"}
)
VIDEOS = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"}
    | {".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
    | {".264", ".265", ".dv", ".h264", ".h265", ".hevc", ".m2v", ".y4m"}
    | {".dpx", ".exr", ".hdr", ".pcx", ".qoi", ".ras", ".sgi", ".sun"}  # FFmpeg: one picture
)
SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys(PICTURES, "picture"),
    **dict.fromkeys(SOUNDS, "sound"),
    **dict.fromkeys(VIDEOS, "video"),
}

PROGRAMS = frozenset({".mts", ".ts"})
"""Suffixes of videos that are also those of programs in TypeScript."""
HEAD_BYTES = 1024
"""Bytes from the start of a file that `kind_of_bytes` needs."""
TS_SYNC, TS_PACKETS, TS_PACKET_BYTES = 0x47, 4, (188, 192, 204)
"""First byte of each packet of an MPEG transport stream, and how many are looked at; cameras put a
time before each packet, and broadcasters a checksum behind it."""
SPACE = rb"(?:\s|#[^\n]*\n)"
NETPBM = re.compile(
    rb"P[1-3](?:%b+\d+){2}(?:%b|\d)*\Z|P4(?:%b+\d+){2}\s|P[56](?:%b+\d+){3}\s" % ((SPACE,) * 4)
)
"""PBM, PGM and PPM, whose first two bytes may also start a text."""
CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text contains."""
STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "picture"),  # JPEG
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"GIF8", "picture"),
    (b"II*\0", "picture"),  # TIFF
    (b"MM\0*", "picture"),
    (b"\0\0\0\x0cjP  ", "picture"),  # JPEG 2000
    (b"\0\0\0\x0cJXL ", "picture"),
    (b"\xff\x0a", "picture"),  # JPEG XL without a container
    (b"8BPS", "picture"),  # Photoshop
    (b"fLaC", "sound"),
    (b"ID3", "sound"),
    (b"caff", "sound"),
    (b".snd", "sound"),
    (b"#!AMR", "sound"),
    (b"\x0b\x77", "sound"),  # AC-3
    (b"riff\x2e\x91\xcf\x11", "sound"),  # Wave64
    (b"\x7f\xfe\x80\x01", "sound"),  # DTS
    (b"Creative Voice File\x1a", "sound"),
    (b"NIST_1A\n", "sound"),
    (b"TTA1", "sound"),  # True Audio
    (b"wvpk", "sound"),  # WavPack
    (b"YUV4MPEG2 ", "video"),
    (b"OggS", "video"),
    (b"\x1a\x45\xdf\xa3", "video"),  # Matroska, WebM
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"),  # ASF
    (b"FLV\x01", "video"),
    (b"\0\0\x01\xba", "video"),  # MPEG
    (b"\0\0\x01\xb3", "video"),
)
FORMS: dict[tuple[bytes, bytes], Kind] = {
    (b"RIFF", b"WEBP"): "picture",
    (b"RIFF", b"WAVE"): "sound",
    (b"RIFX", b"WAVE"): "sound",
    (b"RF64", b"WAVE"): "sound",
    (b"BW64", b"WAVE"): "sound",
    (b"FORM", b"AIFF"): "sound",
    (b"FORM", b"AIFC"): "sound",
    (b"FORM", b"8SVX"): "sound",
    (b"RIFF", b"AVI "): "video",
}
"""Kinds of chunked files, by their first four bytes and their form type."""
PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
"""Brands of the pictures among the files of the ISO base media format."""


ANIMATION_BYTES = 1_000_000
"""Bytes from the start of a file in which a second picture is looked for."""
GIF_PICTURE = re.compile(rb"!\xf9\x04.{4}\0,", re.S)
WEBP_ANIMATION = 2
"""Flag of a WebP with several pictures."""


def kind_of_bytes(head: bytes) -> Kind | None:
    """Returns what the first HEAD_BYTES of a file show it to be; None if they do not."""
    if (form := FORMS.get((head[:4], head[8:12]))) is not None:
        return form
    if head[4:8] == b"ftyp":
        return "picture" if head[8:12] in PICTURE_BRANDS else "video"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "picture"
    if found := next((kind for start, kind in STARTS if head.startswith(start)), None):
        return found
    return next((kind for is_one, kind in CONTENTS if is_one(head)), None)


def is_animation(path: Path) -> bool:
    """Returns True for a GIF, PNG, WebP or AVIF with several pictures; raises SourceError."""
    with open_file(path) as file:
        head = os.read(file, ANIMATION_BYTES)
    if head.startswith(b"GIF8"):
        return len(GIF_PICTURE.findall(head)) > 1
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head.partition(b"IDAT")[0]
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20] & WEBP_ANIMATION)
    return head[4:12] == b"ftypavis"


def is_text(head: bytes) -> bool:
    """Returns True for the start of a text in UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # which may be cut within a character
    except UnicodeDecodeError:
        return False
    return bool(head) and not CONTROLS.search(head)


def _is_mpeg_audio(head: bytes) -> bool:
    """Returns True for a valid header of a frame of MP2, MP3 or AAC.

    A text in UTF-16 starts like one of MP1, which nobody has.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return version in (2, 3) and bool(head[1] & 0x10) and head[2] >> 2 & 15 < 13
    return version != 1 and layer != 3 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3


def _is_transport_stream(head: bytes) -> bool:
    """Returns True for an MPEG transport stream, which may start within a packet."""
    return any(
        set(head[start : size * TS_PACKETS : size]) == {TS_SYNC}
        for size in TS_PACKET_BYTES
        if len(head) >= size * TS_PACKETS
        for start in range(size)
    )


CONTENTS: tuple[tuple[Callable[[bytes], object], Kind], ...] = (
    (NETPBM.match, "picture"),
    (is_text, "text"),
    (_is_mpeg_audio, "sound"),
    (_is_transport_stream, "video"),
)
"""Kinds of files without a start of their own."""


def kind_of(path: Path) -> Kind | None:
    """Returns the kind of a file by its first bytes, else by its suffix, else None.

    A text that is called a picture, a sound or a video counts as a damaged one of those. Raises
    SourceError if it cannot be read.
    """
    suffix = path.suffix.lower()
    with open_file(path) as file:
        found = kind_of_bytes(os.read(file, HEAD_BYTES))
    if found == "text" and suffix not in PROGRAMS:
        return SUFFIXES.get(suffix, found)
    return found or SUFFIXES.get(suffix)
