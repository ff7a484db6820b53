"""One session with a broker, the client behind it, and the listener it reports to."""

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
from edge.publish.attempts import Address
from edge.publish.subscriptions import Subscriptions
from edge.publish.tls import tls_context, weaknesses
from edge.secrets import account

MAX_PACKET_BYTES = 1 << 20
"""The broker does not deliver longer commands (MQTT 5)."""

PACKET_OVERHEAD = 32
"""Upper bound of the bytes beside topic and payload, properties included."""


@dataclass(frozen=True)
class Session:
    """A connection accepted by the broker."""

    client: paho.Client
    receive_maximum: int
    """Messages of QoS 1 that the broker accepts before it has acknowledged the first of them."""
    max_packet_bytes: int
    """Longest message that the broker accepts, with its topic."""
    subscriptions: Subscriptions

    def fits(self, topic: str, payload: bytes) -> bool:
        """Returns whether a message is short enough for the broker."""
        return len(topic.encode()) + len(payload) + PACKET_OVERHEAD <= self.max_packet_bytes

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        qos: int,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> int:
        """Sends without waiting; returns the message id. Expiry needs MQTT 5."""
        properties = None
        if expires_in_s is not None and self.client.protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = math.ceil(expires_in_s)
        return self.client.publish(topic, payload, qos, retain, properties).mid


class SessionListener(Protocol):
    """Receives what happens on a connection, in the network's thread."""

    def session_started(self, session: Session) -> None:
        """The broker accepted the connection."""

    def session_ended(self, reason: str) -> None:
        """The newest session is over, for a reason that MQTT or the system names."""

    def acknowledged(self, message_id: int, refusal: str) -> None:
        """The broker has a message, or refuses it for a reason."""

    def received(self, topic: str, payload: bytes, retained: bool, age_s: float) -> None:
        """A message arrived on a subscribed topic; it may have waited `age_s` at the broker."""


class ClientFactory:
    """Makes the client of each session. Raises ConfigError when a secret cannot be read.

    `will` is published by the broker, retained, when a session is lost. `identifier` defaults to
    the daemon's; a second client with the same one would end the daemon's session.
    """

    def __init__(
        self, config: Mqtt, will: tuple[str, str] | None, identifier: str | None = None
    ) -> None:
        self._config, self._will = config, will
        self._identifier = identifier or config.client_id or f"emotiond-{config.device}"
        self._username, self._password = account("mqtt", config.username, config.password_file)
        self._tls = tls_context(config.tls)
        self.weaknesses = weaknesses(config, self._password is not None)
        """Sentences about what others on the network could do."""

    def new(self, mqtt5: bool) -> paho.Client:
        """Returns a client that is not connected yet and does not reconnect by itself."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._identifier,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True  # a topic that is not UTF-8 must not end the thread
        client.max_inflight_messages_set(0)  # unlimited: the outbox keeps to the broker's limit
        if self._username:
            client.username_pw_set(self._username, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._will is not None:
            topic, farewell = self._will
            client.will_set(topic, farewell, qos=1, retain=True)
        client.on_socket_open = _disable_nagle
        return client

    def connect(self, client: paho.Client, address: Address) -> None:
        """Sends CONNECT; the answer arrives later. Raises OSError or ValueError."""
        config = self._config
        if client.protocol != MQTTProtocolVersion.MQTTv5:
            client.connect(address.host, address.port, config.keepalive_s)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = config.session_expiry_s
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        client.connect(
            address.host,
            address.port,
            config.keepalive_s,
            clean_start=False,
            properties=properties,
        )


def has_live_thread(client: paho.Client) -> bool:
    """Returns whether the client's network thread runs; one that failed ends silently."""
    thread = client._thread
    return thread is not None and thread.is_alive()


def abort(client: paho.Client) -> None:
    """Closes a connection without DISCONNECT, so that the broker publishes the will."""
    wire: Any = client.socket()
    if wire is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            wire.shutdown(socket.SHUT_RDWR)


def _disable_nagle(client: paho.Client, userdata: Any, sock: Any) -> None:
    """Sends small messages at once, not up to 40 ms later with the next acknowledgement."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
