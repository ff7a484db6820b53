"""A small file of every format, with the faults that files have: for tests and fuzzing."""

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import soundfile

from benchmarks.harness.heif import avif_of_tiles
from benchmarks.harness.media import RATE_HZ, mux, tone
from edge.stderr import silenced_stderr
from edge.values import Pixels

SIDE = 64
DURATION_S = 1.0
PICTURES = (
    *(".avif", ".alpha.avif", ".tiles.avif", ".bmp", ".gif"),
    *(".jpg", ".png", ".ppm", ".tiff", ".webp"),
)
SOUND_FILES = {
    ".wav": ("WAV", "PCM_16"),
    ".24.wav": ("WAV", "PCM_24"),
    ".float.wav": ("WAV", "FLOAT"),
    ".alaw.wav": ("WAV", "ALAW"),
    ".rf64": ("RF64", "PCM_16"),
    ".w64": ("W64", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".au": ("AU", "PCM_16"),
    ".caf": ("CAF", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
SOUND_TRACKS = {".aac": "aac", ".m4a": "aac", ".mka": "flac", ".mp2": "mp2", ".ac3": "ac3"}
VIDEOS = {
    ".mp4": ("aac", "libx264"),
    ".mov": ("aac", "mjpeg"),
    ".mkv": ("flac", "ffv1"),
    ".hevc.mkv": ("libopus", "libx265"),
    ".webm": ("libopus", "libvpx"),
    ".vp9.webm": ("libopus", "libvpx-vp9"),
    ".av1.mp4": ("libopus", "libsvtav1"),
    ".avi": ("libmp3lame", "mpeg4"),
    ".flv": ("libmp3lame", "flv1"),
    ".ts": ("mp2", "libx264"),
    ".3gp": ("aac", "mpeg4"),
}
FORMATS = (*PICTURES, *SOUND_FILES, *SOUND_TRACKS, *VIDEOS)


def picture() -> Pixels:
    """Returns a picture of smooth colours with a bright square."""
    ramp = np.linspace(0, 200, SIDE, dtype=np.uint8)
    pixels = np.full((SIDE, SIDE, 3), 90, np.uint8)
    pixels[..., 0], pixels[..., 1] = ramp, ramp[:, None]
    pixels[20:40, 20:40] = 255
    return pixels


@cache
def whole(suffix: str) -> bytes:
    """Returns a file of a format: a picture, or a second of sound, of a video, or of both."""
    if suffix == ".tiles.avif":
        return avif_of_tiles(picture(), SIDE // 2)
    if suffix == ".alpha.avif":
        return bytes(cv2.imencode(".avif", cv2.cvtColor(picture(), cv2.COLOR_BGR2BGRA))[1])
    if suffix in PICTURES:
        return bytes(cv2.imencode(suffix, picture())[1])
    with tempfile.TemporaryDirectory() as folder, silenced_stderr():  # encoders write there
        path = Path(folder) / f"a{suffix}"
        if suffix in SOUND_FILES:
            form, subtype = SOUND_FILES[suffix]
            soundfile.write(path, tone(DURATION_S), RATE_HZ, format=form, subtype=subtype)
        elif suffix in SOUND_TRACKS:
            mux(path, [tone(DURATION_S)], codecs=(SOUND_TRACKS[suffix], ""))
        else:
            pictures = [np.roll(picture(), n, axis=1) for n in range(round(30 * DURATION_S))]
            mux(path, [tone(DURATION_S)], pictures, codecs=VIDEOS[suffix])
        return path.read_bytes()


def _zeroed(data: bytes, start: int, length: int) -> bytes:
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def _noisy(data: bytes, start: int, end: int, count: int) -> bytes:
    """Returns data with `count` random bytes in a range."""
    rng = np.random.default_rng(len(data))
    changed = bytearray(data)
    for at in rng.integers(start, max(min(end, len(data)), start + 1), count):
        changed[at] = int(rng.integers(256))
    return bytes(changed)


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "whole": lambda data: data,
    "with a tail": lambda data: data + bytes(range(256)),
    "empty": lambda data: b"",
    "of eight bytes": lambda data: data[:8],
    "a tenth": lambda data: data[: len(data) // 10],
    "half": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-20],
    "without its start": lambda data: data[20:],
    "with a start of zeros": lambda data: _zeroed(data, 0, 16),
    "with a hole": lambda data: _zeroed(data, len(data) // 2, len(data) // 10),
    "with noise in its header": lambda data: _noisy(data, 12, 120, 4),
    "with noise": lambda data: _noisy(data, 12, len(data), 12),
    "with the largest sizes": lambda data: data[:4] + b"\xff" * 4 + data[8:],
}
HARMLESS = {"whole", "with a tail"}


def combinations() -> Iterator[tuple[str, str]]:
    """Yields each format with each fault."""
    for suffix in FORMATS:
        for fault in FAULTS:
            yield suffix, fault
