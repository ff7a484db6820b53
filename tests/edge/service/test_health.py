import pytest

from edge.publish.payloads import NOTHING_DELIVERED, LoadData
from edge.service.health import Health
from edge.service.meter import Meter

LOAD = LoadData(level=0, reason=None, fps=15.0, detect_every=1)


def test_stages_are_measured_since_the_last_message() -> None:
    meter, health = Meter(), Health(100.0)
    for number in range(100):
        meter.note(number / 1000)
    meter.note_failure()
    assert not health.is_due(129.9, 30.0)
    assert health.is_due(130.0, 30.0)
    first = health.data(130.0, {"face": meter}, {}, {}, NOTHING_DELIVERED, LOAD)
    stage = first.stages["face"]
    assert (stage.per_s, stage.failed) == (3.33, 1)
    assert stage.p50_ms == pytest.approx(49.5)
    assert stage.p99_ms == pytest.approx(98.0, abs=0.1)
    assert (first.uptime_s, first.delivery.reconnects) == (30.0, 0)
    again = health.data(160.0, {"face": meter}, {}, {}, NOTHING_DELIVERED, LOAD).stages["face"]
    assert (again.per_s, again.p99_ms, again.failed) == (0.0, 0.0, 0)
