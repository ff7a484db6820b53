from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.mosquitto import Mosquitto


@pytest.fixture
def stopped_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def broker(stopped_broker: Mosquitto) -> Mosquitto:
    stopped_broker.start()
    return stopped_broker
