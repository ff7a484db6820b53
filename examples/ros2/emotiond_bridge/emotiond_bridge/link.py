"""A connection to the broker for the topics of one device."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho

PATHS = ("status", "state", "event", "+/status")
ANSWER_TIMEOUT_S = 2.0
RECONNECT_S = (1, 30)
"""Minimum and maximum wait before connecting again."""


@dataclass(frozen=True)
class Broker:
    """The broker and the device on it."""

    host: str
    port: int
    prefix: str
    device: str
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    """Certificates to trust; empty for a connection without TLS."""


class Link:
    """Receives a device's messages and sends it commands; connects again by itself.

    Calls `receive` with the topic below the device's and the payload, and `lost` with the reason
    if there is no connection, both in the network thread. Raises OSError if a file cannot be read.
    """

    def __init__(
        self,
        broker: Broker,
        receive: Callable[[str, bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._root = f"{broker.prefix}/{broker.device}"
        self._receive, self._lost = receive, lost
        self._client = _new_client()
        if broker.username:
            password = None
            if broker.password_file:
                password = Path(broker.password_file).read_text(encoding="utf-8").rstrip("\r\n")
            self._client.username_pw_set(broker.username, password)
        if broker.ca_file:
            self._client.tls_set(broker.ca_file)
        self._client.reconnect_delay_set(*RECONNECT_S)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: lost(f"no broker at {broker.host}:{broker.port}")
        self._client.on_disconnect = lambda *_: lost("the connection to the broker is lost")
        self._client.on_message = self._received

    def start(self) -> None:
        """Starts connecting, in a thread of its own."""
        self._client.connect_async(self._broker.host, self._broker.port)
        self._client.loop_start()

    def stop(self) -> None:
        """Closes the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def send_text(self, text: str) -> bool:
        """Sends the device a text; returns True if the broker accepted it."""
        return self._send("text", text)

    def pause(self, on: bool) -> bool:
        """Closes or opens camera and microphone; returns True if the broker accepted it."""
        return self._send("pause", "on" if on else "off")

    def _send(self, command: str, payload: str) -> bool:
        # An old text or pause must not be obeyed once the broker is back.
        if not self._client.is_connected():
            return False
        sent = self._client.publish(f"{self._root}/set/{command}", payload, qos=1)
        try:
            sent.wait_for_publish(ANSWER_TIMEOUT_S)
            return bool(sent.is_published())
        except (RuntimeError, ValueError):  # it could not be sent
            return False

    def _connected(self, client: paho.Client, _data: object, _flags: object, *code: object) -> None:
        if code[0] != 0:
            self._lost(f"the broker refuses the connection: {code[0]}")
            return
        client.subscribe([(f"{self._root}/{path}", 1) for path in PATHS])

    def _received(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._receive(message.topic[len(self._root) + 1 :], bytes(message.payload))


def _new_client() -> paho.Client:
    """Creates a client of paho 2, or of paho 1.6, which Ubuntu 24.04 has for ROS 2 Jazzy."""
    version = getattr(paho, "CallbackAPIVersion", None)
    return paho.Client() if version is None else paho.Client(version.VERSION2)
