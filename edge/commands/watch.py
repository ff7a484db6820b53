"""`emotiond watch`: prints the messages of a device, one line each."""

import queue
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from edge.commands.terminal import message_line
from edge.config import Backoff, Mqtt
from edge.errors import EmotiondError
from edge.publish.connection import Connection
from edge.publish.session import Session
from edge.values import MODALITIES

CLIENT_ID_PREFIX = "watch-"
"""Start of the client identifier; a daemon's starts with `emotiond-`."""
EVERY_SUBTOPIC = ("+", "+/status", "+/state")
"""All topics below a device's except `set/…`, which hold people's texts."""
SUBTOPICS = (
    *("status", "info", "state", "event", "health", "error", "+/state"),
    *(f"{modality}/status" for modality in MODALITIES),
)
"""The same by name: some brokers, such as RabbitMQ, match no wildcard with retained messages."""
DOCTOR_TOPIC = "doctor"
EVERY_DEVICE = "+"
RECONNECT = Backoff(longest_s=5.0)


def settings(config: Mqtt, options: Mapping[str, Any]) -> Mqtt:
    """Returns the configuration with options that are not None; raises EmotiondError."""
    changes = {key: value for key, value in options.items() if value is not None}
    if "host" in changes or "port" in changes:
        changes["hosts"] = ()
    try:
        return msgspec.convert({**msgspec.to_builtins(config), **changes}, Mqtt)
    except msgspec.ValidationError as error:
        raise EmotiondError(str(error).replace(" - at `$.", ", in `")) from error


class Watcher:
    """Subscribes to one device, or to every device of a prefix, until it is closed.

    The connection reports itself through the log. Raises ConfigError when a secret cannot be read.
    """

    def __init__(self, config: Mqtt, every_device: bool = False) -> None:
        self._prefix = config.prefix
        device = EVERY_DEVICE if every_device else config.device
        subtopics = EVERY_SUBTOPIC if every_device else SUBTOPICS
        self._topics = [f"{config.prefix}/{device}/{name}" for name in subtopics]
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        client_id = CLIENT_ID_PREFIX + secrets.token_hex(4)
        watch_config = msgspec.structs.replace(config, session_expiry_s=0, reconnect=RECONNECT)
        self._connection = Connection(watch_config, None, self, client_id)

    def lines(self) -> Iterator[str]:
        """Yields one line per message, without end."""
        self._connection.start()
        while True:
            yield self._lines.get()

    def close(self) -> None:
        """Disconnects from the broker."""
        self._connection.stop()

    def session_started(self, session: Session) -> None:
        """Subscribes."""
        session.subscriptions.ask(self._topics)

    def session_ended(self, reason: str) -> None:
        """Does nothing: the connection logs it."""

    def acknowledged(self, message_id: int, refusal: str) -> None:
        """Does nothing: nothing is published."""

    def received(self, topic: str, payload: bytes, retained: bool, age_s: float) -> None:
        """Formats a message as a line."""
        device, _, name = topic.removeprefix(f"{self._prefix}/").partition("/")
        if name != DOCTOR_TOPIC:
            self._lines.put(message_line(device, name, payload, retained))
