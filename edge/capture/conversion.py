"""Turns decoded sound into the models' format, block by block."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import soxr

from edge.capture.channels import Channel, Downmix, FloatBlock, to_int16
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ, Sound

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 1_536_000
"""Sample rates that recorders have; others are damage in a header."""


class Track(Protocol):
    """The sound of a file, as a decoder gives it."""

    lost: int
    """Pieces that could not be decoded."""
    promised_s: float | None
    """Length by the header, known from the first block on; None if it does not say."""

    def blocks(self) -> Iterator[tuple[int, FloatBlock]]:
        """Yields pieces of sound with their sample rates, from the start; raises SourceError."""


class Conversion:
    """Converts tracks to int16[samples], one channel at 16 kHz, of at most `max_s` seconds."""

    def __init__(self, name: str, channel: Channel, max_s: float) -> None:
        """`name` is what errors call the file."""
        self._name, self._channel, self._max_s = name, channel, max_s
        self.peak = 0.0
        """Largest magnitude of a sample in the last track, before scaling; full scale is 1."""

    def convert(self, track: Track, scale: float = 1.0) -> Sound:
        """Converts a whole track, whose rate and channels may change within; raises SourceError.

        Works block by block, so that a long recording at a high rate does not fill the memory.
        """
        self.peak = 0.0
        parts, length = [np.zeros(0, np.int16)], 0
        segment: _Segment | None = None
        for rate_hz, block in track.blocks():
            if not parts[-1].size and (track.promised_s or 0.0) > self._max_s:
                self._refuse(track.promised_s or 0.0)
            self.peak = max(self.peak, _peak(block))
            if segment is None or segment.form != (rate_hz, block.shape[1]):
                parts += [segment.finish()] if segment else []
                segment = self._segment(rate_hz, block.shape[1])
            parts.append(segment.convert(block * np.float32(scale)))
            length += len(parts[-1])
            if length > self._max_s * SAMPLE_RATE_HZ:
                self._refuse(length / SAMPLE_RATE_HZ)
        return np.concatenate([*parts, *([segment.finish()] if segment else [])])

    def _segment(self, rate_hz: int, channels: int) -> "_Segment":
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise SourceError(f"{self._name}: claims a sample rate of {rate_hz} Hz; is it damaged?")
        return _Segment(rate_hz, channels, Downmix(self._channel, rate_hz, self._name))

    def _refuse(self, length_s: float) -> None:
        raise SourceError(
            f"{self._name}: {length_s:.0f} s of sound or more; at most {self._max_s:.0f} s are "
            "read; cut it, or raise files.max_sound_s"
        )


class _Segment:
    """A stretch of sound with one rate and number of channels."""

    def __init__(self, rate_hz: int, channels: int, downmix: Downmix) -> None:
        self.form = rate_hz, channels
        self._downmix = downmix
        self._resampler = None
        if rate_hz != SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def convert(self, block: FloatBlock) -> Sound:
        mono = self._downmix.mono(block)
        return to_int16(self._resampler.resample_chunk(mono) if self._resampler else mono)

    def finish(self) -> Sound:
        if self._resampler is None:
            return np.zeros(0, np.int16)
        return to_int16(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _peak(block: FloatBlock) -> float:
    return float(np.abs(block).max(initial=0.0, where=np.isfinite(block)))
