"""Microphones through PortAudio, and the cleanup that PortAudio misses when one is unplugged.

Pa_CloseStream closes nothing if the stream cannot be stopped first. Each unplugging would leave a
file and its memory mapping open, and the kernel could not release the device.
"""

import ctypes
import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from edge.capture.channels import Downmix, amplified, to_int16
from edge.capture.liveness import SoundLiveness
from edge.clock import Clock
from edge.config import Microphone
from edge.errors import SourceError
from edge.stderr import silenced_stderr
from edge.values import SAMPLE_RATE_HZ, AudioBlock

BLOCK_S = 0.1
"""As often as voices are looked for: each block wakes two threads."""
BLOCK_TIMEOUT_S = 1.5
"""A microphone that delivers nothing for this long is opened again."""
MIN_WAIT_S, MAX_WAIT_S = 0.005, 0.5
"""A longer wait does not count in full: the process itself stood still."""
OVERFLOWED = -9981
"""PortAudio's paInputOverflowed: sound was lost, but more will come."""
MOST_CHANNELS = 16
"""A device that claims more is a sound server's, which makes as many channels as are asked for."""
SOUND_DEVICES = Path("/dev/snd")
PROCESS = Path("/proc/self")
DELETED = " (deleted)"
"""Suffix that the kernel adds to the name of an open file or mapping whose device was removed."""
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(.+)$", re.MULTILINE)


def input_names() -> list[str]:
    """Lists the microphones that `microphone.source` can name; raises SourceError."""
    pyaudio = _load_pyaudio()
    with silenced_stderr():
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


class PortAudioMicrophone:
    """A microphone, opened by part of its name and resampled if it does not support 16 kHz.

    Reads a block only once it is complete: PortAudio's own wait may never end when the device is
    unplugged. PortAudio notices no new devices while a stream is open.
    """

    def __init__(self, config: Microphone, clock: Clock, stop: threading.Event) -> None:
        pyaudio = _load_pyaudio()
        name = config.source
        self._clock, self._stop = clock, stop
        self.steps = 0
        self._name = f"microphone {name!r}" if name else "the default microphone"
        with silenced_stderr():
            self._audio = pyaudio.PyAudio()
            try:
                self._stream = self._open(config, pyaudio.paInt16)
            except (OSError, ValueError) as error:
                self._audio.terminate()
                raise SourceError(
                    f"{self._name} cannot be opened ({error}); is it in use, or is this user not "
                    "in the group `audio`?"
                ) from error
            except SourceError:
                self._audio.terminate()
                raise
        self._block = round(BLOCK_S * self._rate_hz)
        self._downmix = Downmix(config.channel, self._rate_hz, self._name)
        self._gain = config.gain
        self._liveness = SoundLiveness(self._name)
        self._resampler = None
        if self._rate_hz != SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(self._rate_hz, SAMPLE_RATE_HZ, 1, dtype="int16")

    @property
    def fault(self) -> str:
        return self._liveness.fault

    def read(self) -> AudioBlock | None:
        if not self._wait_for_block():
            return None
        try:
            data = self._stream.read(self._block, exception_on_overflow=False)
        except OSError as error:
            raise SourceError(f"{self._name} stopped ({error})") from error
        captured_s = self._clock.now_s()
        channels = np.frombuffer(data, np.int16).reshape(-1, self._channels)
        if not len(channels):
            raise SourceError(f"{self._name} gives no sound")
        samples = to_int16(self._downmix.mono(channels / np.float32(32768)))
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._liveness.update(AudioBlock(samples, captured_s))
        return AudioBlock(amplified(samples, self._gain), captured_s)

    def close(self) -> None:
        with silenced_stderr():
            self._stream.close()
            self._audio.terminate()
        close_deleted_devices()

    def _open(self, config: Microphone, sample_format: int) -> Any:
        """Returns the stream; raises OSError, ValueError or SourceError."""
        device = self._find(config.source)
        self._channels, self._rate_hz = self._choose_format(device, config, sample_format)
        return self._audio.open(
            format=sample_format,
            channels=self._channels,
            rate=self._rate_hz,
            input=True,
            input_device_index=device["index"],
            frames_per_buffer=round(BLOCK_S * self._rate_hz),
        )

    def _wait_for_block(self) -> bool:
        """Waits for a block of sound; False when stopped meanwhile."""
        waited_s, before_s = 0.0, self._clock.now_s()
        while (available := self._stream.get_read_available()) < self._block:
            if available < 0 and available != OVERFLOWED:
                raise SourceError(f"{self._name} is gone; plug it in again")
            if waited_s >= BLOCK_TIMEOUT_S:
                raise SourceError(f"{self._name} gives no sound")
            wait_s = max((self._block - max(available, 0)) / self._rate_hz, MIN_WAIT_S)
            if self._stop.wait(wait_s):
                return False
            now_s = self._clock.now_s()
            waited_s, before_s = waited_s + min(now_s - before_s, MAX_WAIT_S), now_s
        self.steps += 1
        return True

    def _find(self, name: str) -> dict[str, Any]:
        inputs = _inputs(self._audio)
        if not inputs:
            raise SourceError(f"{self._name}: no device records sound; plug one in")
        if not name:
            default: dict[str, Any] = self._audio.get_default_input_device_info()
            return default
        for device in inputs:
            if name.casefold() in device["name"].casefold():
                return device
        known = ", ".join(repr(device["name"]) for device in inputs)
        raise SourceError(f"{self._name} not found; microphone.source can name: {known}")

    def _choose_format(
        self, device: dict[str, Any], config: Microphone, sample_format: int
    ) -> tuple[int, int]:
        """Returns the number of channels and the sampling rate to open a device with.

        The driver mixes better than this program, unless one channel is wanted. Raises SourceError.
        """
        count, own_rate_hz = device["maxInputChannels"], int(device["defaultSampleRate"])
        channels = [1, count] if config.channel == "mix" else [count]
        if config.channel != "mix" and count > MOST_CHANNELS:
            raise SourceError(
                f"{self._name} is a sound server, which has mixed the channels already; for "
                "microphone.channel, name the device itself in microphone.source"
            )
        wanted = [(one, rate_hz) for one in channels for rate_hz in (SAMPLE_RATE_HZ, own_rate_hz)]
        for found, rate_hz in wanted:
            try:
                self._audio.is_format_supported(
                    rate_hz,
                    input_device=device["index"],
                    input_channels=found,
                    input_format=sample_format,
                )
            except ValueError:
                continue
            return found, rate_hz
        return channels[0], own_rate_hz


def close_deleted_devices(folder: Path = SOUND_DEVICES) -> None:
    """Closes and unmaps what this process still holds of removed devices in a folder."""
    libc = ctypes.CDLL(None)
    for start, end, name in MAPPING.findall((PROCESS / "maps").read_text(errors="replace")):
        if _is_deleted(name, folder):
            address, length = int(start, 16), int(end, 16) - int(start, 16)
            libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(length))
    for link in list((PROCESS / "fd").iterdir()):
        if _is_deleted(_target(link), folder):
            os.close(int(link.name))


def _is_deleted(name: str, folder: Path) -> bool:
    return name.startswith(f"{folder}/") and name.endswith(DELETED)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile, like the handle of the listing itself
        return ""
