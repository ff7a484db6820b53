"""What a microphone's driver may do, by a stand-in for it: no real one errs on demand.

`tests/live/test_microphone.py` reads through PyAudio and ALSA.
"""

import sys
import threading
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from edge.capture.microphone import PortAudioDevice, open_microphone
from edge.config import Microphone
from edge.errors import SourceError
from tests.support import FakeClock

Reads = list["npt.NDArray[np.int16] | OSError"]
DEVICES = (
    {"index": 0, "name": "HDMI", "maxInputChannels": 0, "defaultSampleRate": 48000.0},
    {"index": 1, "name": "USB Array", "maxInputChannels": 4, "defaultSampleRate": 48000.0},
)


class Driver(ModuleType):
    """As much of the module `pyaudio` as is used, with a stream that gives `reads` in turn."""

    paInt16 = 8  # noqa: N815  # PyAudio's name

    def __init__(self, own_rate_hz: int, reads: Reads) -> None:
        super().__init__("pyaudio")
        self.own_rate_hz, self.reads = own_rate_hz, iter(reads)
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

    def read(self, samples: int, exception_on_overflow: bool) -> bytes:
        assert samples == self.opened["frames_per_buffer"]
        assert not exception_on_overflow  # late is better than none
        read = next(self.reads)
        if isinstance(read, OSError):
            raise read
        return read.tobytes()

    def close(self) -> None:
        self.closed += 1

    def terminate(self) -> None:
        self.closed += 1


def _open(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> PortAudioDevice:
    monkeypatch.setitem(sys.modules, "pyaudio", driver)
    opened = open_microphone(Microphone(source="array"), FakeClock(), threading.Event())
    assert isinstance(opened, PortAudioDevice)
    return opened


@pytest.mark.parametrize("rate_hz", [44100, 48000])
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


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(-9988, "Stream closed"), r"microphone 'array' stopped \(.*Stream closed"),
        (np.zeros(0, np.int16), "microphone 'array' gives no sound"),
    ],
)
def test_a_microphone_that_goes_in_mid_utterance_is_said_and_closed(
    monkeypatch: pytest.MonkeyPatch, fault: "npt.NDArray[np.int16] | OSError", said: str
) -> None:
    driver = Driver(16000, [np.ones(800, np.int16), fault])
    microphone = _open(monkeypatch, driver)
    assert microphone.read() is not None
    with pytest.raises(SourceError, match=said):
        microphone.read()
    microphone.close()
    assert driver.closed == 2


def test_a_device_that_cannot_be_opened_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(16000, [])
    monkeypatch.setattr(
        driver, "open", lambda **options: (_ for _ in ()).throw(OSError("Device busy"))
    )
    with pytest.raises(SourceError, match=r"Device busy\); is it in use"):
        _open(monkeypatch, driver)
    assert driver.closed == 1
