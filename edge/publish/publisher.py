"""One device's topics: what is published on each, and what is taken from which."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.clock import Clock
from edge.config import Mqtt
from edge.publish import home_assistant
from edge.publish.courier import Courier
from edge.publish.messages import (
    ErrorMessage,
    EventMessage,
    HealthMessage,
    InfoMessage,
    ModalityMessage,
    StateMessage,
)
from edge.publish.outbox import Delivery, Topics

ONLINE, OFFLINE = "online", "offline"
SET = "set"
COMMANDS = ("text", "observation", "pause")
SPOOL = "spool.sqlite"
SPREAD_S = 3.0
"""Within which a fleet announces itself to a Home Assistant that has started."""
Receive = Callable[[str, bytes, bool], None]


class Publisher:
    """One device's topics on a broker that may come and go; nothing here waits for the network.

    An event is kept until the broker has acknowledged it, in `state_folder` if there is one; of
    everything retained the newest is kept; both are published when a session begins. `receive` is
    called, in the network's thread, with the name of each command, its payload, and whether the
    broker had retained it. Raises ConfigError when a file of secrets cannot be read.
    """

    def __init__(
        self,
        config: Mqtt,
        receive: Receive | None = None,
        state_folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._root = config.root
        self._receive = receive
        self._soon: threading.Timer | None = None
        self._announcements = home_assistant.announcements(config, state_folder)
        listened = [self._topic(f"{SET}/{name}") for name in COMMANDS] if receive else []
        if config.home_assistant.enabled:
            listened.append(home_assistant.birth_topic(config))
        self._courier = Courier(
            config,
            Topics(self._topic("status"), ONLINE, OFFLINE, self._topic("event"), listened),
            self._take,
            state_folder / SPOOL if state_folder else None,
            clock or Clock(),
        )
        self._announce()

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._courier.connected

    @property
    def last_progress_s(self) -> float:
        """When what carries the messages last made progress; never, if it has ended."""
        return self._courier.last_progress_s

    @property
    def delivery(self) -> Delivery:
        """How events fare."""
        return self._courier.delivery

    def start(self) -> None:
        """Begins connecting, in a thread of its own."""
        self._courier.start()

    def publish_event(self, message: EventMessage) -> None:
        """An event; kept until the broker has it."""
        self._courier.deliver(msgspec.json.encode(message))

    def publish_state(self, message: StateMessage) -> None:
        """The newest state, retained."""
        self._courier.retain(self._topic("state"), msgspec.json.encode(message))

    def publish_info(self, message: InfoMessage) -> None:
        """What runs here, retained."""
        self._courier.retain(self._topic("info"), msgspec.json.encode(message))

    def publish_modality_status(self, modality: str, status: str) -> None:
        """`ok`, `degraded: reason` or `off` of one modality, retained."""
        self._courier.retain(self._topic(f"{modality}/status"), status.encode())

    def publish_modality(self, message: ModalityMessage) -> None:
        """One model's answer; lost while the broker is away."""
        topic = self._topic(f"{message.data.modality}/state")
        self._courier.pass_on(topic, msgspec.json.encode(message))

    def publish_health(self, message: HealthMessage) -> None:
        """How daemon and device are; lost while the broker is away."""
        self._courier.pass_on(self._topic("health"), msgspec.json.encode(message))

    def publish_error(self, message: ErrorMessage) -> None:
        """Why a command was not obeyed; lost while the broker is away."""
        self._courier.pass_on(self._topic("error"), msgspec.json.encode(message))

    def stop(self) -> None:
        """Says `offline` and leaves, in a second at most."""
        self._courier.stop()

    def _topic(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._receive is not None and topic.startswith(self._topic(SET)):
            self._receive(topic.rpartition("/")[2], payload, retained)
        elif payload == ONLINE.encode() and not retained:
            self._announce_soon()  # Home Assistant has started

    def _announce_soon(self) -> None:
        if self._soon is not None and self._soon.is_alive():
            return
        self._soon = threading.Timer(random.uniform(0, SPREAD_S), self._announce)  # noqa: S311
        self._soon.daemon = True
        self._soon.start()

    def _announce(self) -> None:
        for topic, announcement in self._announcements.items():
            self._courier.retain(topic, announcement)
