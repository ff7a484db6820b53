"""Reads files: pictures, the frames of videos, and sound in the models' format."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from edge.capture.channels import Channel, Downmix, FloatBlock, to_int16
from edge.errors import MissingExtraError, SourceError
from edge.values import SAMPLE_RATE_HZ, Frame, Sound

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
SOUNDS = frozenset({".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"})
VIDEOS = frozenset({".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
BLOCK_SAMPLES = 65_536
BLOCK_FORMAT: dict[str, Any] = {"dtype": "float32", "always_2d": True}

WAV_SIZE_MISMATCH = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
"""libsndfile's remark on a WAV whose header promises more bytes than the file has."""
UNKNOWN_SIZE = 2**31 - 1
"""Sizes from here on are placeholders of programs that stream a WAV of unknown length."""
MIN_SHARE = 0.75
"""Share of the promised samples that other formats must have: an MP3's length may be estimated."""


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Reads a picture as uint8 HxWx3 BGR, turned upright; raises SourceError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot read it ({error.strerror})") from error
    return decode_picture(data, path)


def decode_picture(data: bytes, name: object) -> npt.NDArray[np.uint8]:
    """Decodes a picture file as `read_picture` does; errors call it `name`."""
    try:
        buffer = np.frombuffer(data, np.uint8)
        pixels = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if len(buffer) else None
    except cv2.error as error:
        raise SourceError(f"{name}: OpenCV refuses this picture ({error.err})") from error
    if pixels is None:
        raise SourceError(f"{name}: not a readable picture; is it complete?")
    return np.asarray(pixels, np.uint8)


def read_frames(path: Path, fps: float) -> Iterator[Frame]:
    """Yields at most `fps` frames a second of a video file, with their times in it.

    Raises SourceError.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise SourceError(f"{path}: not a readable picture, sound or video")
        own_fps = capture.get(cv2.CAP_PROP_FPS) or fps
        step = max(round(own_fps / fps), 1)
        number = 0
        while capture.grab():
            if number % step == 0:
                decoded, pixels = capture.retrieve()
                if decoded:
                    yield Frame(np.asarray(pixels, np.uint8), number / own_fps)
            number += 1
    finally:
        capture.release()


def read_sound(path: Path, channel: Channel = "mix") -> Sound:
    """Reads the whole sound of a file, int16[samples], one channel resampled to 16 kHz.

    libsndfile reads sound formats (WAV, FLAC, Ogg, MP3, …); the sound track of a video needs the
    extra `media`. Raises SourceError, also if the file ends long before its promised length, and
    MissingExtraError without that extra.
    """
    try:
        if not path.is_file():
            raise SourceError(f"{path}: no such file")
        try:
            with soundfile.SoundFile(path) as file:
                downmix = Downmix(channel, file.samplerate, str(path))
                sound = _convert(_whole_blocks(file), file.samplerate, downmix)
        except soundfile.LibsndfileError:
            sound = _read_sound_track(path, channel)
    except OSError as error:
        raise SourceError(f"{path}: cannot read it ({error.strerror or error})") from error
    if not len(sound):
        raise SourceError(f"{path}: this file contains no sound")
    return sound


def _whole_blocks(file: soundfile.SoundFile) -> Iterator[FloatBlock]:
    """Yields the whole file; raises SourceError if it is much shorter than its header promises."""
    found = WAV_SIZE_MISMATCH.search(file.extra_info)
    promised, available = (int(size) for size in found.groups()) if found else (0, 0)
    if promised < UNKNOWN_SIZE and available < promised:
        raise SourceError(
            f"{file.name}: ends after {available} of {promised} bytes; is it complete?"
        )
    samples = 0
    while len(block := file.read(BLOCK_SAMPLES, **BLOCK_FORMAT)):
        samples += len(block)
        yield block
    if samples < MIN_SHARE * file.frames:
        raise SourceError(
            f"{file.name}: ends after {samples} of {file.frames} samples; is it complete?"
        )


def _convert(blocks: Iterator[FloatBlock], rate_hz: int, downmix: Downmix) -> Sound:
    """Works block by block, so that a long recording at a high rate does not fill the memory."""
    resampler = None
    if rate_hz != SAMPLE_RATE_HZ:
        resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
    parts = [np.zeros(0, np.int16)]
    for block in blocks:
        mono = downmix.mono(block)
        parts.append(to_int16(resampler.resample_chunk(mono) if resampler else mono))
    if resampler is not None:
        parts.append(to_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True)))
    return np.concatenate(parts)


def _read_sound_track(path: Path, channel: Channel) -> Sound:
    try:
        import av
    except ImportError:
        raise MissingExtraError(
            f"{path}: not a sound file; to hear the sound track of a video, "
            "install `emotiond[media]`"
        ) from None

    def blocks(container: Any) -> Iterator[FloatBlock]:
        to_float = av.AudioResampler(format="fltp")
        for frame in container.decode(container.streams.audio[0]):
            for block in to_float.resample(frame):
                yield block.to_ndarray().T

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SourceError(f"{path}: this file has no sound track")
            rate_hz = int(container.streams.audio[0].rate)
            return _convert(blocks(container), rate_hz, Downmix(channel, rate_hz, str(path)))
    except av.FFmpegError as error:
        raise SourceError(f"{path}: not a readable sound or video ({error})") from error
