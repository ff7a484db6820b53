import threading

from edge.capture.drop_oldest import DropOldestQueue
from edge.service.meter import Meter
from edge.service.worker import MAX_FAILURES, Worker
from tests.support.clock import FakeClock


def test_a_model_that_fails_again_and_again_is_reported_and_so_is_its_recovery() -> None:
    stop, samples = threading.Event(), DropOldestQueue[str](100)
    statuses: list[str] = []
    read: list[str] = []

    def perceive(sample: str) -> None:
        if sample == "stop":
            stop.set()
        elif sample.startswith("secret"):
            raise ValueError(sample)
        else:
            read.append(sample)

    for sample in ["good", "secret once", "good", *["secret"] * (MAX_FAILURES + 1), "good", "stop"]:
        samples.put(sample)
    meter = Meter()
    Worker("text", samples, perceive, statuses.append, meter, FakeClock(), stop).run()
    assert meter.read(1.0).failed == MAX_FAILURES + 2
    assert read == ["good"] * 3
    assert len(statuses) == 2
    assert statuses[0].startswith(
        "degraded: the text model fails with ValueError at test_worker.py"
    )
    assert "secret" not in statuses[0]
    assert statuses[1] == "ok"
