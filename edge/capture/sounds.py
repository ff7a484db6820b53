"""Reads sound files and the sound of videos: all of it, in the models' format."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.capture.channels import Channel
from edge.capture.conversion import Conversion, Track
from edge.capture.files import open_file
from edge.capture.importing import PYAV_IMPORT
from edge.capture.libsndfile import SoundFileTrack
from edge.capture.sound_parts import (
    Part,
    find_parts,
    is_big_endian_wav,
    is_mp3_of_unknown_length,
)
from edge.config import Files
from edge.errors import EndsEarlyError, MissingExtraError, NoTrackError, SourceError
from edge.values import SAMPLE_RATE_HZ, Sound

log = logging.getLogger(__name__)

MIN_SHARE = 0.75
"""Share of the promised length that a file must have: an MP3's length may be estimated."""
TOLERANCE_S = 0.25
"""A file may be this much shorter than promised without a warning: encoders add and trim."""
FAINTER_DB = 20.0
"""A first track that is this much fainter than another one is not what was to be heard."""
MAX_TRACKS = 16
"""Tracks that are compared: cameras of broadcasters write so many, one for each microphone."""
LOUD, LEVEL_SAMPLES = 0.95, SAMPLE_RATE_HZ // 10
"""The level of a track is this quantile of the levels of its tenths of a second."""

Decoder = Callable[[Any, str, int], Track]
"""Makes a track of a file object, its name and the number of the track."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Recording:
    """The sound of a file, and what its user should know about it."""

    sound: Sound
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class _Heard:
    """A decoded track."""

    number: int
    sound: Sound
    level_db: float
    notes: Sequence[str]


def read_sound(path: Path, channel: Channel = "mix", limits: Files | None = None) -> Sound:
    """Reads the whole sound of a file, int16[samples], one channel resampled to 16 kHz.

    PyAV decodes it, or libsndfile without the extra `media`. Warnings are logged. Raises
    SourceError, also if the file ends long before its promised length, and MissingExtraError if it
    needs that extra.
    """
    return _logged(read_recording(path, channel, limits))


def decode_sound(data: bytes, name: str, limits: Files | None = None) -> Sound:
    """Decodes the bytes of a sound file as `read_sound` does; errors call it `name`."""
    file = os.memfd_create("sound")
    try:
        with open(file, "wb", closefd=False) as memory:
            memory.write(data)
        recording = _Reader(name, "mix", limits or Files()).read(file)
    finally:
        os.close(file)
    return _logged(_checked(recording, name))


def _logged(recording: Recording) -> Sound:
    for warning in recording.warnings:
        log.warning("%s", warning)
    return recording.sound


def _checked(recording: Recording, name: str) -> Recording:
    if not len(recording.sound):
        raise SourceError(f"{name}: this file contains no sound")
    return recording


def read_recording(path: Path, channel: Channel = "mix", limits: Files | None = None) -> Recording:
    """Reads the sound of a file as `read_sound` does, and returns it with its warnings."""
    reader = _Reader(str(path), channel, limits or Files())
    with open_file(path) as file:
        recording = reader.read(file)
    return _checked(recording, str(path))


class _Reader:
    """Reads one file."""

    def __init__(self, name: str, channel: Channel, limits: Files) -> None:
        self._name, self._channel, self._limits = name, channel, limits
        self._warnings: list[str] = []

    def read(self, file: int) -> Recording:
        parts = find_parts(file, self._name)
        if is_big_endian_wav(file):
            return self._loudest(parts, SoundFileTrack)
        try:
            with PYAV_IMPORT:
                from edge.capture import pyav_sound
        except ImportError:
            return self._read_without_pyav(file, parts)
        try:
            count = pyav_sound.count_sound_tracks(parts[0].file, self._name)
            return self._loudest(parts, pyav_sound.SoundTrack, count)
        except (NoTrackError, EndsEarlyError):
            raise
        except SourceError as error:
            self._warnings.clear()
            try:
                return self._loudest(parts, SoundFileTrack)
            except SourceError:
                raise error from None

    def _read_without_pyav(self, file: int, parts: Sequence[Part]) -> Recording:
        if is_mp3_of_unknown_length(file):
            raise MissingExtraError(
                f"{self._name}: this MP3 does not give its length; to hear all of it, "
                "install `emotiond[media]`"
            )
        try:
            return self._loudest(parts, SoundFileTrack)
        except SourceError as error:
            if error.__cause__ is None:  # libsndfile could read it
                raise
            raise MissingExtraError(
                f"{error}; to read other formats and the sound track of a video, "
                "install `emotiond[media]`"
            ) from error

    def _loudest(self, parts: Sequence[Part], decoder: Decoder, count: int = 1) -> Recording:
        """Returns the first track, or the loudest one if that is much louder.

        A recorder of screens writes the computer's sound, often silent, before the microphone's. A
        track that cannot be decoded, such as the spatial sound of a phone, does not count.
        """
        first = loudest = None
        left_out: list[SourceError] = []
        for number in range(min(max(count, 1), MAX_TRACKS)):
            try:
                track = self._whole(parts, decoder, number)
            except SourceError as error:
                left_out.append(error)
                reason = str(error).removeprefix(f"{self._name}: ")
                self._warn(f"did not hear sound track {number + 1} of {count}: {reason}")
                continue
            first = first or track
            loudest = max(loudest or track, track, key=lambda one: one.level_db)
        if first is None or loudest is None:
            raise left_out[0]
        if first.level_db < loudest.level_db - FAINTER_DB:
            self._warn(
                f"heard sound track {loudest.number + 1} of {count}; the first is much fainter"
            )
            first = loudest
        for note in first.notes:
            self._warn(note)
        return Recording(first.sound, tuple(self._warnings))

    def _whole(self, parts: Sequence[Part], decoder: Decoder, number: int) -> _Heard:
        """Decodes a track of all parts of a file."""
        conversion = Conversion(self._name, self._channel, self._limits.max_sound_s)
        notes: list[str] = []
        for part in parts:
            track = decoder(part.file, self._name, number)
            heard_s = conversion.convert(track)
            notes += self._missing(track, heard_s, part)
        sound = conversion.sound
        return _Heard(number, sound, _level_db(sound), [*conversion.notes, *notes])

    def _missing(self, track: Track, heard_s: float, part: Part) -> Iterator[str]:
        """Yields what is missing of a part; raises SourceError if that is much."""
        promised_s = max(track.promised_s or 0.0, part.length_s or 0.0, heard_s * part.promised)
        ends = f"its sound ends after {heard_s:.1f} of {promised_s:.1f} s; is it complete?"
        if heard_s < MIN_SHARE * promised_s:
            raise EndsEarlyError(f"{self._name}: {ends}")
        if heard_s < promised_s - TOLERANCE_S:
            yield ends
        if part.note:
            yield part.note
        if track.lost:
            yield f"{track.lost} damaged pieces of its sound were left out"

    def _warn(self, warning: str) -> None:
        sentence = f"{self._name}: {warning}"
        if sentence not in self._warnings:
            self._warnings.append(sentence)


def _level_db(sound: Sound) -> float:
    """Returns the level of the loud passages, in dB of squared int16 steps."""
    if len(sound) < LEVEL_SAMPLES:
        return 0.0
    whole = len(sound) // LEVEL_SAMPLES * LEVEL_SAMPLES
    tenths = sound[:whole].reshape(-1, LEVEL_SAMPLES)
    powers = [float(np.var(one.astype(np.float32))) for one in tenths]
    return float(10 * np.log10(np.quantile(powers, LOUD) + 1))
