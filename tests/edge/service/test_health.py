from pathlib import Path

import pytest

from edge.machine import temperature_c, throttled
from edge.publish.messages import LoadData
from edge.publish.outbox import Delivery
from edge.service.health import Health
from edge.service.meter import Meter
from edge.service.pause import Pause

LOAD = LoadData(level=0, reason=None, fps=15.0, detect_every=1)


def test_temperature_is_that_of_the_hottest_sensor_that_answers(tmp_path: Path) -> None:
    assert temperature_c(tmp_path) is None
    zones = (
        ("CPU-therm\n", "48312\n"),
        ("GPU-therm\n", "61000\n"),
        ("iwlwifi_1\n", "asleep\n"),
        ("PMIC-Die\n", "100000\n"),
    )
    for number, (kind, text) in enumerate(zones):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(kind)
        (zone / "temp").write_text(text)
    assert temperature_c(tmp_path) == 61.0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0\n", []),
        ("50005\n", ["under_voltage", "throttled"]),
        ("0xa\n", ["frequency_capped", "soft_temperature_limit"]),
        ("?\n", None),
    ],
)
def test_a_raspberry_pis_flags_are_named(
    tmp_path: Path, text: str, names: list[str] | None
) -> None:
    assert throttled(tmp_path) is None
    folder = tmp_path / "soc" / "soc:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text(text)
    assert throttled(tmp_path) == names


def test_stages_are_told_of_the_time_since_they_were_told_last() -> None:
    meter, health = Meter(), Health(100.0)
    for number in range(100):
        meter.note(number / 1000)
    meter.note_failure()
    assert not health.is_due(129.9, 30.0)
    assert health.is_due(130.0, 30.0)
    first = health.data(130.0, {"face": meter}, {}, {}, Delivery(), LOAD)
    stage = first.stages["face"]
    assert (stage.per_s, stage.failed) == (3.33, 1)
    assert stage.p50_ms == pytest.approx(49.5)
    assert stage.p99_ms == pytest.approx(98.0, abs=0.1)
    assert (first.uptime_s, first.delivery.reconnects) == (30.0, 0)
    again = health.data(160.0, {"face": meter}, {}, {}, Delivery(sessions=3), LOAD).stages["face"]
    assert (again.per_s, again.p99_ms, again.failed) == (0.0, 0.0, 0)


def test_a_pause_is_remembered_and_one_that_cannot_be_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    Pause(folder).turn(True)
    assert Pause(folder).is_on
    Pause(folder).turn(False)
    assert not Pause(folder).is_on
    blocked = tmp_path / "a file"
    blocked.touch()
    pause = Pause(blocked)
    pause.turn(True)
    assert pause.is_on
    assert "cannot be remembered" in caplog.text
