"""Turns what callers have (paths, arrays) into pixels, sound and text."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from edge.capture.channels import Downmix, to_int16
from edge.capture.decoder import Decoder
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ, Sound

FilePath = str | os.PathLike[str]
Array = npt.NDArray[Any]
INT16_FULL_SCALE = np.float32(32768)


def to_pixels(picture: FilePath | Array, decoder: Decoder) -> npt.NDArray[np.uint8]:
    """Returns a picture as uint8 HxWx3 BGR; raises SourceError.

    Arrays are uint8 HxWx3 in OpenCV's order, blue first, or grey HxW.
    """
    if not isinstance(picture, np.ndarray):
        return decoder.picture(Path(picture))
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or not picture.size:
        raise SourceError(f"a picture is uint8[height, width, 3], but this is {_shown(picture)}")
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[2] != 3:
        raise SourceError(
            f"a picture has three channels, but this is {_shown(picture)}; leave out transparency"
        )
    return np.ascontiguousarray(picture)


def to_text(text: str) -> str:
    """Returns a text as it is; raises SourceError for anything else."""
    if not isinstance(text, str):
        raise SourceError(f"a text is a str, but this is {type(text).__name__}")
    return text


def to_sound(sound: FilePath | Array, sample_rate_hz: int | None, decoder: Decoder) -> Sound:
    """Returns sound as int16[samples], one channel at 16 kHz; raises SourceError.

    Arrays are int16, or floats from -1 to 1, [samples] or [samples, channels].
    """
    if not isinstance(sound, np.ndarray):
        return decoder.sound(Path(sound))
    if sample_rate_hz is None or sample_rate_hz <= 0:
        raise SourceError("samples need their sample_rate_hz, such as 48000")
    if sound.ndim not in (1, 2) or not sound.size:
        raise SourceError(f"sound is [samples] or [samples, channels], not {_shown(sound)}")
    if sound.dtype == np.int16:
        samples = sound.astype(np.float32) / INT16_FULL_SCALE
    elif np.issubdtype(sound.dtype, np.floating):
        samples = sound.astype(np.float32)
    else:
        raise SourceError(f"samples are int16, or floats from -1 to 1, not {_shown(sound)}")
    block = samples if samples.ndim == 2 else samples[:, None]
    mono = Downmix("mix", sample_rate_hz, "this sound").mono(block)
    return to_int16(soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ))


def _shown(array: Array) -> str:
    return f"{array.dtype}{list(array.shape)}"
