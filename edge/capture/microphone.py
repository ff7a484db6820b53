"""Sound from a microphone chosen by name, or from a file."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from edge.capture.leftovers import close_gone_devices
from edge.capture.media import read_sound
from edge.capture.quiet import quiet
from edge.capture.reader import Device
from edge.capture.signs import SoundSigns
from edge.clock import Clock
from edge.config import Microphone
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ, AudioBlock

BLOCK_S = 0.05
SILENT_S = 1.5
"""A microphone that delivers nothing for so long is opened again."""
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.005, 0.5
"""One that took longer was none: the process stood still."""
OVERFLOWED = -9981
"""PortAudio's paInputOverflowed: sound was lost, more will come."""


def is_file(source: str) -> bool:
    """Whether a configured source means a sound file, be it there or not."""
    return "/" in source or Path(source).is_file()


def open_microphone(config: Microphone, clock: Clock, stop: threading.Event) -> Device[AudioBlock]:
    """The microphone or file that the configuration names; raises SourceError."""
    if is_file(config.source):
        return SoundFile(config, clock, stop)
    return PortAudioDevice(config.source, clock, stop)


def input_names() -> list[str]:
    """What `microphone.source` can name here; raises SourceError."""
    pyaudio = _load_pyaudio()
    with quiet():
        audio = pyaudio.PyAudio()
        try:
            return [str(device["name"]) for device in _inputs(audio)]
        finally:
            audio.terminate()


def _load_pyaudio() -> Any:
    try:
        import pyaudio
    except ImportError as error:
        raise SourceError(f"PyAudio cannot be loaded ({error}); install libportaudio2") from None
    return pyaudio


def _inputs(audio: Any) -> list[dict[str, Any]]:
    devices = [audio.get_device_info_by_index(i) for i in range(audio.get_device_count())]
    return [dict(device) for device in devices if device["maxInputChannels"] > 0]


class SoundFile:
    """A sound file, or the sound of a video, played at its own speed."""

    fault = ""

    def __init__(self, config: Microphone, clock: Clock, stop: threading.Event) -> None:
        self._sound = read_sound(Path(config.source))
        self._loop, self._clock, self._stop = config.loop, clock, stop
        self._started_s = clock.now_s()
        self._played = 0

    @property
    def steps(self) -> int:
        return self._played

    def read(self) -> AudioBlock | None:
        length = round(BLOCK_S * SAMPLE_RATE_HZ)
        start = self._played
        if start >= len(self._sound):
            if not self._loop:
                return None
            start = start % len(self._sound)
        block = self._sound[start : start + length]
        self._played += len(block)
        due_s = self._started_s + self._played / SAMPLE_RATE_HZ
        self._stop.wait(max(due_s - self._clock.now_s(), 0))
        return None if self._stop.is_set() else AudioBlock(block, due_s)

    def close(self) -> None:
        self._sound = self._sound[:0]


class PortAudioDevice:
    """A microphone, opened by part of its name; resampled where it cannot do 16 kHz itself.

    Sound is fetched once there is enough of it: PortAudio's own waiting may never end when the
    device is unplugged, and as long as one stream is open it knows of no new devices.
    """

    def __init__(self, name: str, clock: Clock, stop: threading.Event) -> None:
        pyaudio = _load_pyaudio()
        self._clock, self._stop = clock, stop
        self.steps = 0
        self._label = f"microphone {name!r}" if name else "the default microphone"
        with quiet():
            self._audio = pyaudio.PyAudio()
            try:
                self._rate_hz, self._stream = self._open(name, pyaudio.paInt16)
            except (OSError, ValueError) as error:
                self._audio.terminate()
                raise SourceError(
                    f"{self._label} cannot be opened ({error}); is it in use, or is this user not "
                    "in the group `audio`?"
                ) from error
            except SourceError:
                self._audio.terminate()
                raise
        self._block = round(BLOCK_S * self._rate_hz)
        self._signs = SoundSigns(self._label)
        self._resampler = None
        if self._rate_hz != SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(self._rate_hz, SAMPLE_RATE_HZ, 1, dtype="int16")

    @property
    def fault(self) -> str:
        return self._signs.fault

    def read(self) -> AudioBlock | None:
        if not self._await_block():
            return None
        try:
            data = self._stream.read(self._block, exception_on_overflow=False)
        except OSError as error:
            raise SourceError(f"{self._label} stopped ({error})") from error
        captured_s = self._clock.now_s()
        samples = np.frombuffer(data, np.int16)
        if not len(samples):
            raise SourceError(f"{self._label} gives no sound")
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        block = AudioBlock(samples, captured_s)
        self._signs.hear(block)
        return block

    def close(self) -> None:
        with quiet():
            self._stream.close()
            self._audio.terminate()
        close_gone_devices()

    def _open(self, name: str, sample_format: int) -> tuple[int, Any]:
        """Sampling rate and stream; raises OSError or ValueError, or SourceError."""
        device = self._find(name)
        rate_hz = self._choose_rate(device, sample_format)
        return rate_hz, self._audio.open(
            format=sample_format,
            channels=1,
            rate=rate_hz,
            input=True,
            input_device_index=device["index"],
            frames_per_buffer=round(BLOCK_S * rate_hz),
        )

    def _await_block(self) -> bool:
        """Waits for a block of sound; false when told to stop meanwhile."""
        waited_s, before_s = 0.0, self._clock.now_s()
        while (there := self._stream.get_read_available()) < self._block:
            if there < 0 and there != OVERFLOWED:
                raise SourceError(f"{self._label} is gone; plug it in again")
            if waited_s >= SILENT_S:
                raise SourceError(f"{self._label} gives no sound")
            wait_s = max((self._block - max(there, 0)) / self._rate_hz, SHORTEST_WAIT_S)
            if self._stop.wait(wait_s):
                return False
            now_s = self._clock.now_s()
            waited_s, before_s = waited_s + min(now_s - before_s, LONGEST_WAIT_S), now_s
        self.steps += 1
        return True

    def _find(self, name: str) -> dict[str, Any]:
        inputs = _inputs(self._audio)
        if not inputs:
            raise SourceError(f"{self._label}: no device records sound; plug one in")
        if not name:
            default: dict[str, Any] = self._audio.get_default_input_device_info()
            return default
        for device in inputs:
            if name.casefold() in device["name"].casefold():
                return device
        known = ", ".join(repr(device["name"]) for device in inputs)
        raise SourceError(f"{self._label} is not there; microphone.source can name: {known}")

    def _choose_rate(self, device: dict[str, Any], sample_format: int) -> int:
        try:
            self._audio.is_format_supported(
                SAMPLE_RATE_HZ,
                input_device=device["index"],
                input_channels=1,
                input_format=sample_format,
            )
        except ValueError:
            return int(device["defaultSampleRate"])
        return SAMPLE_RATE_HZ
