"""Sound files and the sound of video files as the models hear them: int16, mono, 16 kHz."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from edge.errors import SourceError

SAMPLE_RATE_HZ = 16_000

Sound = npt.NDArray[np.int16]


def read_sound(path: Path) -> Sound:
    """The whole sound of a file, int16[samples], mixed to mono and resampled to 16 kHz.

    Sound formats are read by libsndfile (WAV, FLAC, Ogg, MP3, …); the sound track of a video
    needs the extra `media`. Raises SourceError.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        samples, rate_hz = _read_sound_track(path)
    if not len(samples):
        raise SourceError(f"{path}: there is no sound in this file")
    return to_model_rate(samples, rate_hz)


def to_model_rate(samples: npt.NDArray[np.float32], rate_hz: int) -> Sound:
    """Sound as float32[samples, channels], -1..1, mixed to mono int16 at 16 kHz."""
    mono = np.nan_to_num(samples.mean(axis=1))
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(np.clip(np.rint(mono * 32768), -32768, 32767), np.int16)


def _read_sound_track(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    try:
        import av
    except ImportError:
        raise SourceError(
            f"{path}: not a sound file; to hear the sound track of a video, "
            "install `emotiond[media]`"
        ) from None
    blocks: list[npt.NDArray[Any]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SourceError(f"{path}: this file has no sound track")
            stream = container.streams.audio[0]
            to_float = av.AudioResampler(format="fltp")
            for frame in container.decode(stream):
                blocks += [block.to_ndarray() for block in to_float.resample(frame)]
            rate_hz = int(stream.rate)
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{path}: neither sound nor video that can be read ({error})") from error
    if not blocks:
        raise SourceError(f"{path}: there is no sound in this file")
    return np.concatenate(blocks, axis=1).T, rate_hz
