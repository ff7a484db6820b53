import gc
import weakref
from pathlib import Path

import cv2
import pytest

from edge.capture.control import Pace, RunControl
from edge.clock import Clock
from edge.config import Camera, Config, Microphone, Models
from edge.errors import PayloadError
from edge.perception.trial import Trials
from edge.service.modalities import Modalities
from edge.values import TextMessage
from tests.support.waiting import wait_until


class Reported:
    """Modalities of which text alone is enabled, and the statuses that they report."""

    def __init__(self, models: Models, paused: bool) -> None:
        self.control = RunControl()
        if paused:
            self.control.running.clear()
        self.statuses: list[str] = []
        config = Config(
            camera=Camera(enabled=False), microphone=Microphone(enabled=False), models=models
        )
        self.modalities = Modalities(
            config, Clock(), lambda _: None, self._report, Pace(15.0), self.control, Trials(None)
        )
        self.modalities.load(lambda: None)

    def _report(self, modality: str, status: str) -> None:
        if modality == "text":
            self.statuses.append(status)

    def resume(self) -> None:
        self.control.running.set()
        self.modalities.report_text()

    def pause(self) -> None:
        self.control.running.clear()
        self.modalities.report_text()


def test_text_is_off_during_a_pause_and_ok_after_it() -> None:
    reported = Reported(Models(), paused=False)
    reported.pause()
    reported.resume()
    assert reported.statuses == ["ok", "off", "ok"]


def test_text_is_never_ok_on_a_device_that_starts_paused() -> None:
    reported = Reported(Models(), paused=True)
    reported.resume()
    assert reported.statuses == ["off", "ok"]


def test_a_missing_text_model_is_reported_even_on_a_device_that_starts_paused(
    tmp_path: Path,
) -> None:
    reported = Reported(Models(folder=str(tmp_path)), paused=True)
    assert reported.statuses[0].startswith("degraded: ")
    reported.pause()
    reported.resume()
    assert reported.statuses[1:] == ["off", reported.statuses[0]]


def test_a_modality_that_is_given_up_frees_its_model_and_refuses_texts() -> None:
    reported = Reported(Models(), paused=False)
    modalities = reported.modalities
    modalities.start()
    worker = weakref.ref(modalities._runners["text"][0])
    modalities.take_text(TextMessage("hello", 0.0, 0))
    modalities.give_up("text", "memory is short")
    wait_until(lambda: gc.collect() >= 0 and worker() is None)
    assert (reported.statuses[-1], modalities.running, modalities.models) == (
        "degraded: memory is short",
        [],
        {},
    )
    with pytest.raises(PayloadError, match="does not read texts: see text/status"):
        modalities.take_text(TextMessage("hello", 0.0, 0))


def test_a_device_without_a_text_model_refuses_texts(tmp_path: Path) -> None:
    reported = Reported(Models(folder=str(tmp_path)), paused=False)
    with pytest.raises(PayloadError, match="does not read texts: see text/status"):
        reported.modalities.take_text(TextMessage("hello", 0.0, 0))


def test_opencv_takes_no_more_threads_than_a_model() -> None:
    cv2.setNumThreads(4)
    Reported(Models(threads=1), paused=False)
    assert cv2.getNumThreads() == 1
