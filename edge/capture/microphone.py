"""Opens the source of sound that the configuration names: a microphone or a file."""

import threading
from pathlib import Path

from edge.capture.channels import amplified
from edge.capture.control import RunControl
from edge.capture.device import Device
from edge.capture.portaudio import BLOCK_S, PortAudioMicrophone
from edge.capture.sources import is_sound_file
from edge.clock import Clock
from edge.config import Files, Microphone
from edge.values import SAMPLE_RATE_HZ, AudioBlock


def open_microphone(
    config: Microphone, clock: Clock, control: RunControl, limits: Files | None = None
) -> Device[AudioBlock]:
    """Opens a microphone or a sound file; raises SourceError."""
    if is_sound_file(config.source):
        return SoundFile(config, clock, control.stop, limits)
    return PortAudioMicrophone(config, clock, control.stop)


class SoundFile:
    """A sound file, or the sound track of a video, played in real time."""

    fault = ""

    def __init__(
        self, config: Microphone, clock: Clock, stop: threading.Event, limits: Files | None
    ) -> None:
        from edge.capture.sounds import read_sound  # decoders that a microphone does without

        self._sound = read_sound(Path(config.source), config.channel, limits)
        self._loop, self._gain, self._clock, self._stop = config.loop, config.gain, clock, stop
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
        block = amplified(self._sound[start : start + length], self._gain)
        self._played += len(block)
        due_s = self._started_s + self._played / SAMPLE_RATE_HZ
        self._stop.wait(max(due_s - self._clock.now_s(), 0))
        return None if self._stop.is_set() else AudioBlock(block, due_s)

    def close(self) -> None:
        self._sound = self._sound[:0]
