import logging
from collections.abc import Iterator
from typing import Any

import pytest

from edge.publish.mqtt import Publisher
from tests.conftest import Mosquitto
from tests.live.test_publisher import Connect, Subscriber, settings_of


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Starts publishers, and stops them after the test."""
    started: list[Publisher] = []

    def start(port: int, **settings: Any) -> Publisher:
        publisher = Publisher(settings_of(port, **settings), lambda *_: None)
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop()
