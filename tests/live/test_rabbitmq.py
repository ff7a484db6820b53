"""A broker that speaks MQTT 3.1.1 alone and matches no wildcard with retained messages."""

import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.harness.rabbitmq import RabbitMq, is_installed
from edge.commands.demo.broker import HOST
from edge.commands.doctor.broker import probe_broker
from edge.config import Backoff
from edge.publish.messages import ModalityStatus
from tests.support.publishing import COMPOSER, UNKNOWN, Connect, event, mqtt_settings
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not is_installed(), reason="needs the package rabbitmq-server")


@pytest.fixture
def rabbit(tmp_path: Path) -> Iterator[RabbitMq]:
    rabbit = RabbitMq(tmp_path)
    rabbit.start()
    yield rabbit
    rabbit.close()


def test_rabbitmq_gets_every_event_over_a_kill_and_the_doctor_reads_the_statuses(
    rabbit: RabbitMq, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    numbers: list[str] = []
    reader = paho.Client(CallbackAPIVersion.VERSION2, client_id="reader", clean_session=False)
    reader.on_message = lambda _c, _u, message: numbers.append(json.loads(message.payload)["id"])

    def subscribe(*_: object) -> None:
        reader.subscribe("emotion/kiosk/event", qos=1)

    reader.on_connect = subscribe
    reader.reconnect_delay_set(1, 1)
    reader.connect(HOST, rabbit.port)
    reader.loop_start()
    publisher = connect(rabbit.port, reconnect=Backoff(shortest_s=0.5, longest_s=1.0))
    wait_until(lambda: publisher.connected)
    publisher.publish(ModalityStatus("face", "ok"))
    publisher.publish(COMPOSER.state(UNKNOWN))
    publisher.publish(COMPOSER.event(event(0)))
    wait_until(lambda: publisher.delivery.acknowledged == 1)
    visit = probe_broker(mqtt_settings(rabbit.port), timeout_s=5.0, max_wait_s=0.3)
    assert (visit.session.verdict, visit.statuses) == ("pass", {"face": "ok"})
    rabbit.kill()
    for number in range(1, 10):
        publisher.publish(COMPOSER.event(event(number)))
    rabbit.start()
    wait_until(lambda: publisher.delivery.acknowledged == 10, timeout_s=30)
    wait_until(lambda: len(set(numbers)) == 10, timeout_s=30)
    assert list(dict.fromkeys(numbers)) == [f"episode {number}" for number in range(10)]
    assert "does not answer in MQTT" not in caplog.text
    reader.disconnect()
    reader.loop_stop()
