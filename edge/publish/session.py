"""One session with a broker: its client, made as the configuration says, and whom it tells."""

import contextlib
import math
import socket
from dataclasses import dataclass
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import Mqtt
from edge.publish.credentials import credentials, tls_context

MAX_PACKET_BYTES = 1 << 20
"""A longer command is kept from us by the broker (MQTT 5)."""

PACKET_OVERHEAD = 32
"""Bytes beside topic and payload, with properties, at most."""


@dataclass(frozen=True)
class Session:
    """A connection that the broker accepted."""

    client: paho.Client
    receive_maximum: int
    """Messages of QoS 1 that the broker takes before it has acknowledged the first of them."""
    largest_packet: int
    """The bytes of the longest message that the broker takes, with its topic."""

    def takes(self, topic: str, payload: bytes) -> bool:
        """Whether a message is short enough."""
        return len(topic.encode()) + len(payload) + PACKET_OVERHEAD <= self.largest_packet

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        qos: int,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> int:
        """Sends without waiting; gives the message's id. Only MQTT 5 knows of expiry."""
        properties = None
        if expires_in_s is not None and self.client.protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = math.ceil(expires_in_s)
        return self.client.publish(topic, payload, qos, retain, properties).mid


class Owner(Protocol):
    """What a connection tells, in the network's thread."""

    def session_began(self, session: Session) -> None:
        """The broker accepted us."""

    def session_ended(self) -> None:
        """The session just told of is over."""

    def was_acknowledged(self, message_id: int, refusal: str) -> None:
        """The broker has a message, or tells why it refuses it."""

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message on a topic that the owner subscribed to."""


class Clients:
    """Makes the client of each session. Raises ConfigError where a secret cannot be read.

    `will` is what the broker publishes, retained, when a session is lost. `identifier` is by
    default the daemon's: another client with it would push the daemon's session out.
    """

    def __init__(
        self, config: Mqtt, will: tuple[str, str] | None, identifier: str | None = None
    ) -> None:
        self._config, self._will = config, will
        self._identifier = identifier or f"emotiond-{config.device}"
        self._username, self._password = credentials(config)
        self._tls = tls_context(config.tls)

    def new(self, mqtt5: bool) -> paho.Client:
        """One that is not connected yet and tries only once."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._identifier,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True  # of callbacks: a topic that is no UTF-8 ends no thread
        client.max_inflight_messages_set(0)  # no limit: who publishes keeps to the broker's
        if self._username:
            client.username_pw_set(self._username, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._will is not None:
            topic, farewell = self._will
            client.will_set(topic, farewell, qos=1, retain=True)
        client.on_socket_open = _send_at_once
        return client

    def connect(self, client: paho.Client) -> None:
        """Reaches the broker; its answer comes later. Raises OSError or ValueError."""
        config = self._config
        if client.protocol != MQTTProtocolVersion.MQTTv5:
            client.connect(config.host, config.port, config.keepalive_s)
            return
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = config.session_expiry_s
        wishes.MaximumPacketSize = MAX_PACKET_BYTES
        client.connect(
            config.host, config.port, config.keepalive_s, clean_start=False, properties=wishes
        )


def is_served(client: paho.Client) -> bool:
    """Whether there is a thread that reads and writes; one that failed ends without a word."""
    thread = client._thread
    return thread is not None and thread.is_alive()


def cut(client: paho.Client) -> None:
    """Ends a connection without a word."""
    wire: Any = client.socket()
    if wire is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            wire.shutdown(socket.SHUT_RDWR)


def _send_at_once(client: paho.Client, userdata: Any, sock: Any) -> None:
    """Without this a small message may wait 40 ms for the acknowledgement of the one before."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
