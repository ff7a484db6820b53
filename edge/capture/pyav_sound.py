"""Decodes the sound of any container with PyAV."""

from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from edge.capture.channels import FloatBlock
from edge.capture.conversion import Piece, Silence
from edge.capture.pyav import DECODER_ERRORS, opened, promised_s
from edge.capture.track_times import Gaps
from edge.errors import NoTrackError, SourceError

BLOCK_SAMPLES = 16_384
MAX_PLANES = 8
"""Channels of a frame that PyAV can reach; it reads beyond the memory of more."""


def count_sound_tracks(file: Any, name: str) -> int:
    """Returns the number of sound tracks; raises SourceError."""
    with opened(file, name) as container:
        return len(container.streams.audio)


class SoundTrack:
    """The decoded sound of one track of a container."""

    def __init__(self, file: Any, name: str, track: int = 0) -> None:
        self._file, self._name, self._track = file, name, track
        self.lost = 0
        """Packets that could not be decoded."""
        self.promised_s: float | None = None
        """Length by the container; None if it does not say, or guesses."""

    def pieces(self) -> Iterator[Piece]:
        """Yields pieces of sound, and gaps as silence; raises SourceError."""
        self._file.seek(0)
        with opened(self._file, self._name) as container:
            streams = container.streams.audio
            if not streams:
                raise NoTrackError(f"{self._name}: this file has no sound track")
            stream = streams[self._track]
            if stream.codec_context is None:
                raise SourceError(f"{self._name}: cannot decode its sound: an unknown codec")
            self.promised_s = promised_s(container, stream)
            yield from _joined(self._timed(container, stream))

    def _timed(self, container: Any, stream: Any) -> Iterator[Piece]:
        """Yields the sample rate and samples of each frame, with silence where there is no sound.

        Recorders leave out what they miss, and start the sound after the pictures.
        """
        gaps = Gaps(container)
        is_first = True
        for frame in self._frames(container, stream):
            rate_hz, samples = frame.sample_rate, _to_float(frame)
            gap_s = gaps.before(frame.time, len(samples) / max(rate_hz, 1))
            if is_first and self.promised_s and stream.duration:  # a tag counts from zero
                self.promised_s += gap_s
            is_first = False
            if gap_s:
                yield Silence(gap_s)
            yield rate_hz, samples

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        decoded = 0
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except DECODER_ERRORS:
                    self.lost += 1
                    continue
                decoded += len(frames)
                yield from frames
        except DECODER_ERRORS:  # of the container
            if not decoded:
                raise
            self.lost += 1
        if self.lost and not decoded:
            codec = stream.codec_context.codec.long_name
            raise SourceError(f"{self._name}: cannot decode its sound ({codec}); is it complete?")


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yields frames of one form together: some have a single sample."""
    blocks: list[FloatBlock] = []
    form, length = (0, 0), 0
    for piece in pieces:
        new_form = (0, 0) if isinstance(piece, Silence) else (piece[0], piece[1].shape[1])
        if blocks and (new_form != form or length >= BLOCK_SAMPLES):
            yield form[0], np.concatenate(blocks)
            blocks, length = [], 0
        if isinstance(piece, Silence):
            yield piece
            continue
        form = new_form
        blocks.append(piece[1])
        length += len(piece[1])
    if blocks:
        yield form[0], np.concatenate(blocks)


def _to_float(frame: Any) -> FloatBlock:
    """Returns float32[samples, channels] of a frame in any sample format."""
    channels = len(frame.layout.channels)
    if frame.format.is_planar and channels > MAX_PLANES:
        (frame,) = av.AudioResampler(format="flt").resample(frame)
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    if samples.dtype == np.uint8:
        return np.asarray((samples.T.astype(np.float32) - 128) / 128, np.float32)
    if np.issubdtype(samples.dtype, np.integer):
        return np.asarray(samples.T / np.float32(-np.iinfo(samples.dtype).min), np.float32)
    return np.asarray(samples.T, np.float32)
