from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.harness.mosquitto import Mosquitto

settings.register_profile("emotiond", deadline=None)  # a loaded machine takes longer
settings.load_profile("emotiond")


@pytest.fixture
def stopped_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def broker(stopped_broker: Mosquitto) -> Mosquitto:
    stopped_broker.start()
    return stopped_broker
