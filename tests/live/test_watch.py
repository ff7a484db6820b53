"""`emotiond watch` with a real broker, in its own process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from edge.commands.watch import settings
from edge.config import Mqtt
from edge.errors import EmotiondError
from edge.publish.messages import ModalityStatus
from tests.support.messages import health
from tests.support.publishing import COMPOSER, UNKNOWN, Connect, event
from tests.support.waiting import wait_until


class Watch:
    """The running command, with stdout and stderr in one stream."""

    def __init__(self, port: int, *options: str) -> None:
        # The tests may run with SIGINT ignored, as a shell's background jobs do.
        python = ["env", "--default-signal=INT", sys.executable]
        command = [*python, "-m", "edge.cli", "watch", "--host", HOST, "--port", str(port)]
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self.seen = ""

    def until(self, part: str) -> str:
        """Returns the next line that contains `part`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen += line
            if part in line:
                return line
        raise AssertionError(f"no line with {part!r}")


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    started: list[Watch] = []
    yield started
    for watch in started:
        watch.process.kill()
        watch.process.wait(10)


def test_each_message_is_a_line_and_a_missing_broker_is_reported(
    stopped_broker: Mosquitto, connect: Connect, watches: list[Watch]
) -> None:
    watch = Watch(stopped_broker.port, "--device", "kiosk")
    watches.append(watch)
    watch.until("no broker at 127.0.0.1:")
    stopped_broker.start()
    watch.until("connected to the broker")
    publisher = connect(stopped_broker.port)
    assert "kiosk  status        online" in watch.until("status")
    publisher.publish(ModalityStatus("face", "degraded: no camera"))
    assert "face/status   degraded: no camera" in watch.until("face/status")
    publisher.publish(COMPOSER.event(event(1)))
    assert "kiosk  event         start  unknown" in watch.until("event")
    publisher.publish(COMPOSER.state(UNKNOWN))
    assert "unknown    0%  valence +0.00, arousal +0.00, 0 faces" in watch.until("state")
    publisher.publish(COMPOSER.health(health()))
    assert "face 0.0/s 4.0 ms, CPU" in watch.until("health")
    publisher.publish(COMPOSER.error("set/text", "text is empty"))
    assert "error         set/text: text is empty" in watch.until("error")
    stopped_broker.kill()
    watch.until("lost the broker")
    watch.process.send_signal(signal.SIGINT)
    assert watch.process.wait(10) == 0


def test_all_devices_are_watched_at_once_and_messages_sent_to_them_are_not_shown(
    guarded: Mosquitto, tmp_path: Path, watches: list[Watch], connect: Connect
) -> None:
    def account(name: str) -> dict[str, str]:
        file = tmp_path / f"{name}.password"
        file.write_text(f"{name}'s\n")
        return {"username": name, "password_file": str(file)}

    listener = account("listener")
    options = [f"--{key.replace('_', '-')}={value}" for key, value in listener.items()]
    watch = Watch(guarded.port, "--all", *options)
    watches.append(watch)
    watch.until("connected to the broker")
    publishers = [connect(guarded.port, device=one, **account(one)) for one in ("kiosk", "robot")]
    wait_until(lambda: all(one.connected for one in publishers))
    sender = Subscriber(guarded.port, username="listener", password="listener's")  # noqa: S106
    sender.client.publish("emotion/kiosk/set/text", "my secret", qos=1).wait_for_publish(5)
    sender.close()
    publishers[0].publish(ModalityStatus("text", "ok"))
    publishers[1].publish(ModalityStatus("text", "ok"))
    seen = {watch.until("text/status").split()[0] for _ in publishers}
    assert seen == {"kiosk", "robot"}
    assert "secret" not in watch.seen


def test_invalid_options_are_refused() -> None:
    with pytest.raises(EmotiondError, match=r"<= 65535, in `port`"):
        settings(Mqtt(), {"port": 99_999})
    assert settings(Mqtt(), {"port": 8883, "host": None}).port == 8883
