from pathlib import Path

from edge.capture.control import Pace, RunControl
from edge.clock import Clock
from edge.config import Camera, Config, Microphone, Models
from edge.perception.trial import Trials
from edge.service.modalities import Modalities


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
