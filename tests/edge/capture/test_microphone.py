"""Faults of a microphone's driver, from a stand-in: no real one fails on demand.

`tests/live/test_microphone.py` reads through PyAudio and ALSA.
"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.control import RunControl
from edge.capture.liveness import SILENCE_S
from edge.capture.media import read_sound
from edge.capture.microphone import open_microphone
from edge.capture.portaudio import PortAudioMicrophone
from edge.clock import Clock
from edge.config import Microphone
from edge.errors import SourceError
from tests.support.clock import FakeClock, Racing

Reads = list["npt.NDArray[np.int16] | OSError | int"]
"""Sound, what is raised, or what PortAudio says there is to be read."""
DEVICES = (
    {"index": 0, "name": "HDMI", "maxInputChannels": 0, "defaultSampleRate": 48000.0},
    {"index": 1, "name": "USB Array", "maxInputChannels": 4, "defaultSampleRate": 48000.0},
)


class Driver(ModuleType):
    """The used part of the module `pyaudio`; its stream gives `reads` in turn."""

    paInt16 = 8  # noqa: N815  # PyAudio's name

    def __init__(self, own_rate_hz: int, reads: Reads) -> None:
        super().__init__("pyaudio")
        self.own_rate_hz, self.reads = own_rate_hz, list(reads)
        self.opened: dict[str, object] = {}
        self.closed = 0

    def PyAudio(self) -> "Driver":  # noqa: N802
        return self

    def get_device_count(self) -> int:
        return len(DEVICES)

    def get_device_info_by_index(self, index: int) -> dict[str, object]:
        return dict(DEVICES[index])

    def get_default_input_device_info(self) -> dict[str, object]:
        return dict(DEVICES[1])

    def is_format_supported(self, rate_hz: int, **device: object) -> bool:
        if rate_hz != self.own_rate_hz:
            raise ValueError("Invalid sample rate")
        return True

    def open(self, **options: object) -> "Driver":
        self.opened = options
        return self

    def get_read_available(self) -> int:
        if not self.reads:
            return 0
        if isinstance(available := self.reads[0], int):
            self.reads.pop(0)
            return available
        return 1_000_000

    def read(self, samples: int, exception_on_overflow: bool) -> bytes:
        assert samples == self.opened["frames_per_buffer"]
        assert not exception_on_overflow  # late is better than none
        read = self.reads.pop(0)
        assert not isinstance(read, int)
        if isinstance(read, OSError):
            raise read
        return read.tobytes()

    def close(self) -> None:
        self.closed += 1

    def terminate(self) -> None:
        self.closed += 1


ARRAY = Microphone(source="array")


def _open(
    monkeypatch: pytest.MonkeyPatch,
    driver: Driver,
    clock: FakeClock | None = None,
    config: Microphone = ARRAY,
) -> PortAudioMicrophone:
    monkeypatch.setitem(sys.modules, "pyaudio", driver)
    clock = clock or FakeClock()
    opened = open_microphone(config, clock, RunControl(stop=Racing(clock)))
    assert isinstance(opened, PortAudioMicrophone)
    return opened


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 96000])
def test_a_microphone_that_cannot_do_16_khz_is_resampled_without_seams(
    monkeypatch: pytest.MonkeyPatch, rate_hz: int
) -> None:
    monkeypatch.setitem(DEVICES[1], "defaultSampleRate", float(rate_hz))
    block = rate_hz // 20
    tone = 8000 * np.sin(2 * np.pi * 300 * np.arange(2 * rate_hz) / rate_hz)
    reads: Reads = list(tone.astype(np.int16).reshape(-1, block))
    driver = Driver(rate_hz, reads)
    microphone = _open(monkeypatch, driver)
    assert (driver.opened["rate"], driver.opened["input_device_index"]) == (rate_hz, 1)
    blocks = [microphone.read() for _ in reads]
    heard = np.concatenate([block.samples for block in blocks if block is not None])
    assert heard.dtype == np.int16
    assert len(heard) == pytest.approx(2 * 16000, abs=1000)
    spectrum = np.abs(np.fft.rfft(heard[1000:17000].astype(float)))
    assert spectrum.argmax() == 300
    assert spectrum[295:306].sum() > 50 * np.delete(spectrum, range(295, 306)).max()


def test_fewer_samples_than_asked_for_are_taken_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = np.arange(5, dtype=np.int16)
    microphone = _open(monkeypatch, Driver(16000, [few]))
    block = microphone.read()
    assert block is not None
    assert np.array_equal(block.samples, few)


def test_one_channel_of_an_array_is_taken_and_amplified(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = np.arange(800 * 4, dtype=np.int16).reshape(-1, 4)
    driver = Driver(16000, [channels])
    config = Microphone(source="array", channel=2, gain=3.0)
    block = _open(monkeypatch, driver, config=config).read()
    assert driver.opened["channels"] == 4
    assert block is not None
    assert np.array_equal(block.samples, 3 * channels[:, 2])


def test_an_array_that_cannot_be_opened_with_one_channel_is_mixed_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Raw(Driver):
        def is_format_supported(self, rate_hz: int, **device: object) -> bool:
            if device["input_channels"] != 4:
                raise ValueError("Invalid number of channels")
            return super().is_format_supported(rate_hz, **device)

    channels = np.tile(np.array([0, 100, 200, 300], np.int16), (2400, 1))
    driver = Raw(48000, [channels])
    block = _open(monkeypatch, driver).read()
    assert (driver.opened["channels"], driver.opened["rate"]) == (4, 48000)
    assert block is not None
    assert np.median(block.samples) == 150


def test_a_sound_server_cannot_give_one_channel_of_an_array(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(DEVICES[1], "maxInputChannels", 32)
    with pytest.raises(SourceError, match=r"is a sound server.*name the device itself"):
        _open(monkeypatch, Driver(16000, []), config=Microphone(source="array", channel=0))
    _open(monkeypatch, Driver(16000, []))


def test_a_low_gain_is_no_muted_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    hiss = np.arange(800, dtype=np.int16) % 3
    clock, driver = FakeClock(), Driver(16000, [hiss] * 650)
    microphone = _open(monkeypatch, driver, clock, Microphone(source="array", gain=0.1))
    for _ in range(650):
        clock.moment_s += 0.05
        assert microphone.read() is not None
    assert microphone.fault == ""


def test_a_channel_that_the_array_lacks_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(16000, [np.zeros(3200, np.int16)])
    microphone = _open(monkeypatch, driver, config=Microphone(source="array", channel=5))
    with pytest.raises(SourceError, match="microphone 'array' has channels 0 to 3"):
        microphone.read()


def test_a_sound_file_is_played_by_channel_and_gain(tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    soundfile.write(path, np.array([[0, 100], [0, 200]] * 400, np.int16), 16000)
    config = Microphone(source=str(path), channel=1, gain=2.0)
    block = open_microphone(config, FakeClock(), RunControl(stop=Racing())).read()
    assert block is not None
    assert block.samples.tolist() == [200, 400] * 400


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (OSError(-9988, "Stream closed"), r"microphone 'array' stopped \(.*Stream closed"),
        (np.zeros(0, np.int16), "microphone 'array' gives no sound"),
        (-9999, "microphone 'array' is gone; plug it in again"),
    ],
)
def test_a_microphone_unplugged_in_mid_utterance_is_reported_and_closed(
    monkeypatch: pytest.MonkeyPatch, fault: "npt.NDArray[np.int16] | OSError | int", message: str
) -> None:
    driver = Driver(16000, [np.ones(800, np.int16), fault])
    microphone = _open(monkeypatch, driver)
    assert microphone.read() is not None
    with pytest.raises(SourceError, match=message):
        microphone.read()
    microphone.close()
    assert driver.closed == 2


def test_a_microphone_that_falls_silent_is_reported_and_a_late_one_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    overflowed = -9981
    microphone = _open(monkeypatch, Driver(16000, [0, 400, overflowed, np.ones(800, np.int16)]))
    assert microphone.read() is not None
    with pytest.raises(SourceError, match="microphone 'array' gives no sound"):
        microphone.read()
    assert microphone.steps == 1


def test_a_process_that_stood_still_does_not_blame_the_microphone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(16000, [np.ones(1600, np.int16)])
    clock = FakeClock()
    microphone = _open(monkeypatch, driver, clock)

    def there() -> int:
        clock.moment_s += 30.0
        return 0 if clock.moment_s < 150.0 else 1600

    monkeypatch.setattr(driver, "get_read_available", there)
    assert microphone.read() is not None


def test_a_muted_microphone_is_reported_until_it_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hiss, mute = np.arange(800, dtype=np.int16) % 3, np.zeros(800, np.int16)
    clock, driver = FakeClock(), Driver(16000, [hiss, *[mute] * 650, hiss])
    microphone = _open(monkeypatch, driver, clock)
    faults = []
    for _ in range(652):
        clock.moment_s += 0.05
        assert microphone.read() is not None
        faults.append(microphone.fault)
    assert not any(faults[: round(SILENCE_S / 0.05)])
    assert set(faults[-50:-1]) == {"microphone 'array' gives digital silence: is it muted?"}
    assert faults[-1] == ""


def test_a_device_that_cannot_be_opened_is_reported_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(16000, [])
    monkeypatch.setattr(
        driver, "open", lambda **options: (_ for _ in ()).throw(OSError("Device busy"))
    )
    with pytest.raises(SourceError, match=r"Device busy\); is it in use"):
        _open(monkeypatch, driver)
    assert driver.closed == 1


def test_a_sound_file_is_played_whole_in_blocks() -> None:
    source = Microphone(source=str(HAPPY_CLIP))
    microphone = open_microphone(source, FakeClock(), RunControl(stop=Racing()))
    blocks = []
    while (block := microphone.read()) is not None:
        blocks.append(block)
    played = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(played, read_sound(HAPPY_CLIP))
    assert blocks[0].captured_s == pytest.approx(100.1)


@pytest.mark.parametrize("source", ["no such microphone", "", "/nowhere/clip.wav"])
def test_a_missing_microphone_is_reported(source: str) -> None:
    with pytest.raises(SourceError, match=r"microphone|no such file"):
        open_microphone(Microphone(source=source), Clock(), RunControl()).read()
