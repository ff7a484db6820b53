from pathlib import Path

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.outages import Faults, endure


def test_every_safe_event_arrives_whatever_is_killed(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "max_inflight_messages 0")
    broker.start()
    state = tmp_path / "state"
    outcome = endure(
        broker,
        state,
        Faults(broker_kills=4, sender_kills=1, clock_steps=2),
        seed=0,
        rate_per_s=50.0,
    )
    broker.stop()
    assert outcome.expected > 100
    assert outcome.missing == []
    assert outcome.in_order
    assert outcome.replayed > 10
