"""Publishes one device's topics over MQTT, and receives its commands."""

import logging
import threading
from collections import deque
from collections.abc import Callable

import msgspec
import paho.mqtt.client as paho

from edge.config import Mqtt
from edge.events import EventMessage, InfoMessage, ModalityMessage, StateMessage, as_replayed
from edge.publish.connection import Connection
from edge.publish.spool import Spool

logger = logging.getLogger(__name__)

ONLINE, OFFLINE = "online", "offline"
SET_TEXT = "set/text"


class Publisher:
    """One device's topics on a broker that may come and go.

    Nothing here waits for the network. An event stays in the spool until the broker has
    acknowledged it; of everything retained the newest is kept; both are published when a session
    begins. `on_text` is called, in the network's thread, with each message to `set/text`; None
    where texts are not read. Raises ConfigError when the password file cannot be read.
    """

    def __init__(self, config: Mqtt, on_text: Callable[[bytes], None] | None = None) -> None:
        self._root = f"{config.prefix}/{config.device}"
        self._on_text = on_text
        self._lock = threading.RLock()
        self._retained: dict[str, bytes] = {}
        self._spool = Spool(config.spool_events)
        self._client: paho.Client | None = None
        self._tickets: dict[int, int] = {}
        self._acknowledged: deque[int] = deque()
        self._connection = Connection(config, (self._topic("status"), OFFLINE), self)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._client is not None

    def start(self) -> None:
        """Begins connecting, in a thread of its own."""
        self._connection.start()

    def publish_state(self, message: StateMessage) -> None:
        """The newest state, retained."""
        self._retain("state", msgspec.json.encode(message))

    def publish_modality(self, message: ModalityMessage) -> None:
        """One model's answer; lost while the broker is away."""
        with self._lock:
            if self._client is not None:
                topic = self._topic(f"{message.data.modality}/state")
                self._client.publish(topic, msgspec.json.encode(message), qos=0)

    def publish_info(self, message: InfoMessage) -> None:
        """What runs here, retained."""
        self._retain("info", msgspec.json.encode(message))

    def publish_modality_status(self, modality: str, status: str) -> None:
        """`ok`, `degraded: reason` or `off` of one modality, retained."""
        self._retain(f"{modality}/status", status.encode())

    def publish_event(self, message: EventMessage) -> None:
        """An event; kept until the broker has it."""
        with self._lock:
            self._forget_acknowledged()
            ticket = self._spool.add(message)
            if self._client is not None:
                self._send(self._client, ticket, message)

    def stop(self) -> None:
        """Says `offline` and leaves, in half a second at most."""
        self._connection.stop(OFFLINE)
        with self._lock:
            self._client = None
            self._forget_acknowledged()
        if len(self._spool):
            logger.warning("%d events were never acknowledged by the broker", len(self._spool))

    def session_began(self, client: paho.Client) -> None:
        """Birth, everything retained, then the events that waited."""
        with self._lock:
            if self._on_text is not None:
                client.subscribe(self._topic(SET_TEXT), qos=1)
            client.publish(self._topic("status"), ONLINE, qos=1, retain=True)
            for name, payload in self._retained.items():
                client.publish(self._topic(name), payload, qos=1, retain=True)
            waiting = self._spool.waiting()
            for ticket, event in waiting:
                self._send(client, ticket, as_replayed(event))
            self._client = client
        if waiting:
            logger.info("publishing %d events that waited for the broker", len(waiting))

    def session_ended(self) -> None:
        """What was not acknowledged by now waits for the next session."""
        with self._lock:
            self._client = None
            self._forget_acknowledged()
            self._tickets.clear()

    def was_published(self, message_id: int) -> None:
        """Noted without a lock: paho holds its own here, which `publish` wants under ours."""
        self._acknowledged.append(message_id)

    def received(self, payload: bytes) -> None:
        """A message to `set/text`."""
        if self._on_text is not None:
            self._on_text(payload)

    def _topic(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _retain(self, name: str, payload: bytes) -> None:
        with self._lock:
            self._retained[name] = payload
            if self._client is not None:
                self._client.publish(self._topic(name), payload, qos=1, retain=True)

    def _send(self, client: paho.Client, ticket: int, message: EventMessage) -> None:
        sent = client.publish(self._topic("event"), msgspec.json.encode(message), qos=1)
        self._tickets[sent.mid] = ticket

    def _forget_acknowledged(self) -> None:
        while self._acknowledged:
            ticket = self._tickets.pop(self._acknowledged.popleft(), None)
            if ticket is not None:
                self._spool.remove(ticket)
