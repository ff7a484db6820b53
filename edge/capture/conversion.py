"""Turns decoded sound into the models' format, block by block."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr

from edge.capture.channels import Channel, Downmix, FloatBlock, to_int16
from edge.errors import SourceError, TooLongError
from edge.values import SAMPLE_RATE_HZ, Sound

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 1_536_000
"""Sample rates that recorders have; others are damage in a header."""
HOT, UNSCALED = 1.5, 4.0
"""A sample beyond the first would clip much; beyond the second they are integers in disguise."""
INTEGER_SCALES = (2.0**7, 2.0**15, 2.0**23, 2.0**31)
FULL_SCALE, CLIPPED_SHARE = 0.99, 0.01
"""A recording in which this share of the samples is at full scale is clipped."""
CHOSEN_SHARE = 0.1
"""A channel that is heard for this share of a recording is worth a word."""


@dataclass(frozen=True)
class Silence:
    """A gap in a track."""

    duration_s: float


Piece = tuple[int, FloatBlock] | Silence
"""Sound with its sample rate, or none."""


class Track(Protocol):
    """The sound of a file, as a decoder gives it."""

    lost: int
    """Pieces that could not be decoded."""
    promised_s: float | None
    """Length by the header, known from the first piece on; None if it does not say."""

    def pieces(self) -> Iterator[Piece]:
        """Yields pieces of sound, whose rate may change, from the start; raises SourceError."""


class Conversion:
    """Converts the tracks of a file, one after another, to one channel of int16 at 16 kHz.

    They may be `max_s` seconds long in all. Samples that are far beyond full scale are scaled.
    """

    def __init__(self, name: str, channel: Channel, max_s: float) -> None:
        """`name` is what errors call the file."""
        self._name, self._channel, self._max_s = name, channel, max_s
        self._sound = bytearray()
        self._unscaled = 0.0
        self._clipped = self._samples = 0
        self._chosen: Counter[int] = Counter()

    @property
    def sound(self) -> Sound:
        """All that was converted, int16[samples]."""
        return np.frombuffer(self._sound, np.int16)

    @property
    def notes(self) -> list[str]:
        """What the user should know about it."""
        notes = []
        if self._unscaled:
            notes.append(f"its samples reach {self._unscaled:.0f} instead of 1, and were scaled")
        chosen = sorted(
            one for one, count in self._chosen.items() if count > CHOSEN_SHARE * self._samples
        )
        if chosen:
            channels = " and ".join(str(one + 1) for one in chosen)
            notes.append(
                f"heard channel {channels} alone, because its channels cancel each other or all "
                "others are silent"
            )
        if self._clipped > CLIPPED_SHARE * self._samples:
            share = self._clipped / self._samples
            notes.append(
                f"it is clipped: {share:.0%} of its samples are at full scale; record it at a "
                "lower level"
            )
        return notes

    def convert(self, track: Track) -> float:
        """Adds a whole track, whose rate and channels may change within; returns its seconds.

        Works block by block, so that a long recording at a high rate does not fill the memory.
        Raises SourceError.
        """
        before = len(self._sound), self._clipped, self._samples, self._chosen.copy()
        peak = self._convert(track, 1.0)
        if peak > HOT:
            del self._sound[before[0] :]
            _, self._clipped, self._samples, self._chosen = before
            scale = peak
            if peak > UNSCALED:
                self._unscaled = max(peak, self._unscaled)
                scale = next((one for one in INTEGER_SCALES if peak <= one), peak)
            self._convert(track, 1 / scale)
        return (len(self._sound) - before[0]) / 2 / SAMPLE_RATE_HZ

    def _convert(self, track: Track, scale: float) -> float:
        """Adds a track times `scale`; returns its largest magnitude before that."""
        segment: _Segment | None = None
        peak, is_first = 0.0, True
        for piece in track.pieces():
            if is_first:
                self._check_length(track.promised_s or 0.0)
                is_first = False
            if isinstance(piece, Silence):
                self._finish(segment)
                segment = None
                self._check_length(piece.duration_s)
                self._add(np.zeros(round(piece.duration_s * SAMPLE_RATE_HZ), np.int16))
                continue
            rate_hz, block = piece
            peak = max(peak, _peak(block))
            form = rate_hz, block.shape[1]
            if segment is None or segment.form != form:
                self._finish(segment)
                segment = self._segment(*form)
            scaled = block * np.float32(scale)
            self._add(segment.convert(scaled))
            self._count(scaled, segment)
            self._check_length()
        self._finish(segment)
        return peak

    def _finish(self, segment: "_Segment | None") -> None:
        if segment is not None:
            self._add(segment.finish())

    def _count(self, block: FloatBlock, segment: "_Segment") -> None:
        """Counts samples, in the time of the models, that are clipped or of one channel alone."""
        length = len(block) * SAMPLE_RATE_HZ / segment.form[0]
        self._samples += round(length)
        self._clipped += round(length * float(np.mean(np.abs(block) >= FULL_SCALE)))
        if segment.chosen is not None:
            self._chosen[segment.chosen] += round(length)

    def _add(self, sound: Sound) -> None:
        self._sound += sound.data.cast("B") if len(sound) else b""

    def _segment(self, rate_hz: int, channels: int) -> "_Segment":
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise SourceError(f"{self._name}: claims a sample rate of {rate_hz} Hz; is it damaged?")
        return _Segment(rate_hz, channels, Downmix(self._channel, rate_hz, self._name))

    def _check_length(self, more_s: float = 0.0) -> None:
        length_s = len(self._sound) / 2 / SAMPLE_RATE_HZ + more_s
        if length_s > self._max_s:
            raise TooLongError(
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

    @property
    def chosen(self) -> int | None:
        """The channel that the last block was taken from; None for the mean of all."""
        return self._downmix.chosen

    def convert(self, block: FloatBlock) -> Sound:
        mono = self._downmix.mono(block)
        return to_int16(self._resampler.resample_chunk(mono) if self._resampler else mono)

    def finish(self) -> Sound:
        if self._resampler is None:
            return np.zeros(0, np.int16)
        return to_int16(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _peak(block: FloatBlock) -> float:
    return float(np.abs(block).max(initial=0.0, where=np.isfinite(block)))
