"""Publishes over MQTT, and receives commands; the broker may come and go."""

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.config import Mqtt
from edge.errors import ConfigError
from edge.events import EventMessage, InfoMessage, ModalityMessage, StateMessage, as_replayed
from edge.publish.spool import Spool

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 0.4
ONLINE, OFFLINE = "online", "offline"
SET_TEXT = "set/text"


class Publisher:
    """One device's topics on a broker.

    Nothing here waits for the network. While the broker is away events gather in the spool and
    of everything retained the newest is kept; both are published when it is back. `on_text` is
    called, in the network's thread, with the payload of each message to `set/text`. Raises
    ConfigError when the password file cannot be read.
    """

    def __init__(self, config: Mqtt, on_text: Callable[[bytes], None]) -> None:
        self._config = config
        self._root = f"{config.prefix}/{config.device}"
        self._on_text = on_text
        self._lock = threading.RLock()
        self._retained: dict[str, bytes] = {}
        self._spool = Spool(config.spool_events)
        self._connected = False
        self._said = ""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"emotiond-{config.device}",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if config.username:
            client.username_pw_set(config.username, _password(config.password_file))
        client.will_set(self._topic("status"), OFFLINE, qos=1, retain=True)
        client.reconnect_delay_set(
            max(round(config.reconnect.shortest_s), 1), max(round(config.reconnect.longest_s), 1)
        )
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def start(self) -> None:
        """Begins connecting, in a thread of its own."""
        self._client.connect_async(self._config.host, self._config.port, self._config.keepalive_s)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected

    def publish_state(self, message: StateMessage) -> None:
        """The newest state, retained."""
        self._retain("state", msgspec.json.encode(message))

    def publish_modality(self, message: ModalityMessage) -> None:
        """One model's answer; lost while the broker is away."""
        with self._lock:
            if self._connected:
                topic = self._topic(f"{message.data.modality}/state")
                self._client.publish(topic, msgspec.json.encode(message), qos=0)

    def publish_info(self, message: InfoMessage) -> None:
        """What runs here, retained."""
        self._retain("info", msgspec.json.encode(message))

    def publish_modality_status(self, modality: str, status: str) -> None:
        """`ok`, `degraded: reason` or `off` of one modality, retained."""
        self._retain(f"{modality}/status", status.encode())

    def publish_event(self, message: EventMessage) -> None:
        """An event; kept while the broker is away."""
        with self._lock:
            if self._connected:
                self._send_event(message)
            else:
                self._spool.add(message)

    def stop(self) -> None:
        """Says `offline` and leaves, within STOP_TIMEOUT_S where the broker does not answer."""
        with self._lock:
            connected, self._connected = self._connected, False
        if connected:
            farewell = self._client.publish(self._topic("status"), OFFLINE, qos=1, retain=True)
            try:
                farewell.wait_for_publish(STOP_TIMEOUT_S)
            except (RuntimeError, ValueError):
                logger.warning("the broker went away before `offline` could be said")
        self._client.disconnect()
        # Joining paho's thread can last as long as a TCP connect that nobody answers.
        leaving = threading.Thread(target=self._client.loop_stop, daemon=True)
        leaving.start()
        leaving.join(STOP_TIMEOUT_S)
        if len(self._spool):
            logger.warning("%d events were never published", len(self._spool))

    def _topic(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _retain(self, name: str, payload: bytes) -> None:
        with self._lock:
            self._retained[name] = payload
            if self._connected:
                self._client.publish(self._topic(name), payload, qos=1, retain=True)

    def _send_event(self, message: EventMessage) -> None:
        self._client.publish(self._topic("event"), msgspec.json.encode(message), qos=1)

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self._say(
                f"the broker at {self._address} refuses us: {reason}; check mqtt.username, "
                "mqtt.password_file and the broker's access list"
            )
            return
        with self._lock:
            client.subscribe(self._topic(SET_TEXT), qos=1)
            client.publish(self._topic("status"), ONLINE, qos=1, retain=True)
            for name, payload in self._retained.items():
                client.publish(self._topic(name), payload, qos=1, retain=True)
            waiting = self._spool.take_all()
            for event in waiting:
                self._send_event(as_replayed(event))
            self._connected = True
        self._say(f"connected to the broker at {self._address}")
        if waiting:
            logger.info("published %d events that had waited for the broker", len(waiting))

    def _on_connect_fail(self, client: paho.Client, userdata: Any) -> None:
        self._say(f"no broker at {self._address}; trying again until there is one")

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        with self._lock:
            lost, self._connected = self._connected, False
        if lost:
            self._say(f"lost the broker at {self._address} ({reason}); connecting again")

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self._on_text(bytes(message.payload))

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


def _password(file: str) -> str | None:
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"mqtt.password_file {file!r} cannot be read ({error})") from error
