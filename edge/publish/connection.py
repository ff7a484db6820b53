"""The connection to the broker: lost and found again, one session at a time."""

import logging
import socket
import threading
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.config import Mqtt
from edge.errors import ConfigError

logger = logging.getLogger(__name__)

FAREWELL_TIMEOUT_S = 0.4


class Session(Protocol):
    """What a connection tells its owner, in the network's thread."""

    def session_began(self, client: paho.Client) -> None:
        """The broker accepted us."""

    def session_ended(self) -> None:
        """The session just told of is over."""

    def was_published(self, message_id: int) -> None:
        """The broker acknowledged a message; must not wait for a lock held while publishing."""

    def received(self, payload: bytes) -> None:
        """A message on a topic that the owner subscribed to, not a retained one."""


class Connection(threading.Thread):
    """Connects, and connects again with longer waits, until `stop`.

    Every session has a client of its own: what a lost session left unsent is not sent behind the
    owner's back in the next one. Raises ConfigError when the password file cannot be read.
    """

    def __init__(self, config: Mqtt, will: tuple[str, str], owner: Session) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._config, self._will, self._owner = config, will, owner
        self._password = _password(config.password_file)
        self._client: paho.Client | None = None
        self._accepted = False
        self._over = threading.Event()
        self._stopping = threading.Event()
        self._said = ""

    def run(self) -> None:
        """Holds one session after another."""
        wait_s = self._config.reconnect.shortest_s
        while not self._stopping.is_set():
            self._accepted = False
            self._hold_session()
            if self._accepted:
                wait_s = self._config.reconnect.shortest_s
            self._stopping.wait(wait_s)
            wait_s = min(wait_s * 2, max(self._config.reconnect.longest_s, wait_s))

    def stop(self, farewell: str) -> None:
        """Leaves with `farewell` on the topic of the will.

        Where the broker does not acknowledge it in time, the connection is cut instead, so that
        the broker publishes the will.
        """
        self._stopping.set()
        client, self._client = self._client, None
        if client is not None and self._accepted and not self._over.is_set():
            sent = client.publish(self._will[0], farewell, qos=1, retain=True)
            try:
                sent.wait_for_publish(FAREWELL_TIMEOUT_S)
            except (RuntimeError, ValueError):
                logger.warning("the broker went away before %r could be said", farewell)
            if sent.is_published():
                client.disconnect()
            else:
                _cut(client)
        self._over.set()

    def _hold_session(self) -> None:
        """From connecting to the loss of the connection."""
        self._over.clear()
        client = self._new_client()
        try:
            client.connect(self._config.host, self._config.port, self._config.keepalive_s)
        except (OSError, ValueError) as error:  # ValueError: no possible host name
            self._say(f"no broker at {self._address} ({error}); trying again until there is one")
            return
        self._client = client
        client.loop_start()
        self._over.wait()
        if not self._stopping.is_set():
            client.loop_stop()

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"emotiond-{self._config.device}",
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # no limit: the owner's spool has one
        if self._config.username:
            client.username_pw_set(self._config.username, self._password)
        client.will_set(*self._will, qos=1, retain=True)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _client, _data, message_id, _reason, _properties: (
            self._owner.was_published(message_id)
        )
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self._say(
                f"the broker at {self._address} refuses us: {reason}; check mqtt.username, "
                "mqtt.password_file and the broker's access list"
            )
            client.disconnect()
        elif self._stopping.is_set():
            client.disconnect()
        else:
            self._accepted = True
            self._owner.session_began(client)
            self._say(f"connected to the broker at {self._address}")

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if self._accepted:
            self._owner.session_ended()
            if not self._stopping.is_set():
                self._say(f"lost the broker at {self._address} ({reason}); connecting again")
        self._over.set()

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if not message.retain:
            self._owner.received(bytes(message.payload))

    @property
    def _address(self) -> str:
        return f"{self._config.host}:{self._config.port}"

    def _say(self, sentence: str) -> None:
        """Logs a change of the connection once, however often it is tried again."""
        if sentence != self._said:
            self._said = sentence
            logger.info("%s", sentence)


def _send_at_once(client: paho.Client, userdata: Any, sock: Any) -> None:
    """Without this a small message may wait 40 ms for the acknowledgement of the one before."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(client: paho.Client) -> None:
    """Ends the connection without a word."""
    wire: Any = client.socket()
    if wire is not None:
        try:
            wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the connection was gone already")


def _password(file: str) -> str | None:
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"mqtt.password_file {file!r} cannot be read ({error})") from error
