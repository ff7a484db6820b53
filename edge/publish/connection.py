"""The connection to the broker: lost and found again, one session at a time."""

import logging
import random
import ssl
import threading
import time
from enum import Enum
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt
from edge.publish.session import Clients, Owner, Session, cut, is_served

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0
"""What a broker may take to answer that we connect."""
FAREWELL_TIMEOUT_S = 0.4
SHORT_SESSION_S = 10.0
SHORT_SESSIONS = 3
"""So many in a row, and another client may have our identifier: not every broker says it."""
UNLIMITED = 65_535
"""What a broker takes unacknowledged if it says nothing of it (MQTT 5, section 3.2.2.3.3)."""
TAKEN_OVER = "another client has this identifier: give each device its mqtt.device"
REMEDIES = {
    "Bad user name or password": "check mqtt.username and mqtt.password_file",
    "Not authorized": "check mqtt.username, mqtt.password_file and the broker's access list",
    "Bad authentication method": "check mqtt.username and mqtt.password_file",
    "Client identifier not valid": "check mqtt.device, which is part of it",
    "Banned": "ask who runs the broker",
    "Session taken over": TAKEN_OVER,
    "Retain not supported": "let the broker keep retained messages, as statuses are",
    "QoS not supported": "let the broker take QoS 1, which events and statuses need",
}
"""By reason: what a refusal that waiting does not mend asks for."""


LARGEST_PACKET = 268_435_460
LOOK_S = 1.0
"""How soon it is noticed that paho's thread ended without a word."""


class Fate(Enum):
    """How an attempt to hold a session ended."""

    UNREACHABLE = "there was nobody"
    UNANSWERED = "there was no answer that we understand"
    REFUSED = "the broker does not want us"
    LOST = "the session was held for a while"


class Connection(threading.Thread):
    """Connects, and connects again with longer waits, until `stop`.

    Every session has a client of its own: what a lost session left unsent is not sent behind the
    owner's back in the next one. `identifier` is by default the daemon's. Raises ConfigError when a
    file of secrets cannot be read.
    """

    def __init__(
        self,
        config: Mqtt,
        will: tuple[str, str] | None,
        owner: Owner,
        identifier: str | None = None,
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._config, self._will, self._owner = config, will, owner
        self._clients = Clients(config, will, identifier)
        self._mqtt5, self._mqtt5_works = config.protocol == 5, False
        self._client: paho.Client | None = None
        self._fate = Fate.UNREACHABLE
        self._answered, self._over = threading.Event(), threading.Event()
        self._stopping = threading.Event()
        self._began_s, self._short_sessions = 0.0, 0
        self._said = ""

    def run(self) -> None:
        """Holds one session after another."""
        reconnect = self._config.reconnect
        wait_s = reconnect.shortest_s
        while not self._stopping.is_set():
            self._hold_session()
            if self._fate is Fate.REFUSED:
                wait_s = reconnect.longest_s
            elif self._fate is Fate.LOST and self._held_s > SHORT_SESSION_S:
                wait_s = reconnect.shortest_s
            self._choose_version()
            # A fleet that lost its broker must not come back all at once.
            self._stopping.wait(wait_s * random.uniform(0.5, 1))  # noqa: S311
            wait_s = min(wait_s * 2, reconnect.longest_s)

    def _choose_version(self) -> None:
        """The other one after no answer, unless 5 is known to work here."""
        if self._config.protocol != 5:
            return
        if self._fate is Fate.LOST:
            self._mqtt5_works |= self._mqtt5
            self._mqtt5 = True
        elif self._fate is Fate.UNANSWERED:
            self._mqtt5 = self._mqtt5_works or not self._mqtt5

    def stop(self, farewell: str = "") -> None:
        """Leaves, with `farewell` on the topic of the will if there is one.

        Where the broker does not acknowledge it in time, the connection is cut instead, so that
        the broker publishes the will.
        """
        self._stopping.set()
        (client, self._client), will = (self._client, None), self._will
        if client is not None and will is None:
            client.disconnect()
        elif client and will and self._fate is Fate.LOST and not self._over.is_set():
            sent = client.publish(will[0], farewell, qos=1, retain=True)
            try:
                sent.wait_for_publish(FAREWELL_TIMEOUT_S)
                said = sent.is_published()
            except (RuntimeError, ValueError):
                logger.warning("the broker went away before %r could be said", farewell)
                said = False
            if said:
                client.disconnect()
            else:
                cut(client)
        self._over.set()
        self._answered.set()

    def _hold_session(self) -> None:
        """From connecting to the loss of the connection."""
        self._over.clear()
        self._answered.clear()
        self._fate = Fate.UNREACHABLE
        client = self._new_client()
        try:
            self._clients.connect(client)
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._fate = Fate.REFUSED
            self._say(f"no trusted connection to {self._address} ({error}); check mqtt.tls")
            return
        except (OSError, ValueError) as error:  # ValueError: no possible host name
            self._say(f"no broker at {self._address} ({error}); trying again until there is one")
            return
        self._fate = Fate.UNANSWERED
        self._client = client
        client.loop_start()
        if not self._answered.wait(ANSWER_TIMEOUT_S):
            cut(client)
        while not self._over.wait(LOOK_S):
            if not is_served(client):
                self._lose("its thread ended")
        if self._fate is Fate.UNANSWERED and not self._stopping.is_set():
            self._say(
                f"what answers at {self._address} does not speak MQTT with us; check mqtt.port "
                "and mqtt.tls (is it enabled, and does the broker ask for a certificate?)"
            )
        if not self._stopping.is_set():
            client.loop_stop()

    def _new_client(self) -> paho.Client:
        client = self._clients.new(self._mqtt5)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if reason.is_failure:
            self._refused(reason)
            client.disconnect()
        elif self._stopping.is_set():
            client.disconnect()
        else:
            self._fate, self._began_s = Fate.LOST, time.monotonic()
            self._say(f"connected to the broker at {self._address}")
            at_once = int(getattr(properties, "ReceiveMaximum", UNLIMITED))
            largest = int(getattr(properties, "MaximumPacketSize", LARGEST_PACKET))
            self._owner.session_began(Session(client, at_once, largest))
        self._answered.set()

    def _refused(self, reason: ReasonCode) -> None:
        if str(reason) == "Unsupported protocol version":
            self._say(f"the broker at {self._address} refuses this version of MQTT")
            return  # and is UNANSWERED
        remedy = REMEDIES.get(str(reason))
        self._fate = Fate.UNREACHABLE if remedy is None else Fate.REFUSED
        self._say(
            f"the broker at {self._address} refuses us: {reason}; "
            f"{remedy or 'trying again until it does not'}"
        )

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        self._lose(str(reason))

    def _lose(self, reason: str) -> None:
        """Whatever there was is over."""
        if self._fate is Fate.LOST and not self._over.is_set():
            self._owner.session_ended()
            if not self._stopping.is_set():
                self._say_lost(reason)
        self._answered.set()
        self._over.set()

    def _say_lost(self, reason: str) -> None:
        self._short_sessions = self._short_sessions + 1 if self._held_s < SHORT_SESSION_S else 0
        remedy = REMEDIES.get(reason)
        if remedy is not None:
            self._fate = Fate.REFUSED
        elif self._short_sessions >= SHORT_SESSIONS:
            remedy = f"so soon again; perhaps {TAKEN_OVER}"
        self._say(f"lost the broker at {self._address} ({reason}); {remedy or 'connecting again'}")

    def _on_publish(
        self, client: paho.Client, data: Any, message_id: int, reason: ReasonCode, properties: Any
    ) -> None:
        self._owner.was_acknowledged(message_id, str(reason) if reason.is_failure else "")

    def _on_subscribe(
        self, client: paho.Client, data: Any, message_id: int, reasons: Any, properties: Any
    ) -> None:
        if failures := {str(reason) for reason in reasons if reason.is_failure}:
            logger.warning(
                "the broker refuses what we subscribe to (%s); check its access list",
                ", ".join(failures),
            )

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self._owner.received(message.topic, bytes(message.payload), message.retain)

    @property
    def _held_s(self) -> float:
        """How long the session has lasted."""
        return time.monotonic() - self._began_s

    @property
    def _address(self) -> str:
        return f"{self._config.host}:{self._config.port}"

    def _say(self, sentence: str) -> None:
        """Logs a change of the connection once, however often it is tried again."""
        if sentence != self._said:
            self._said = sentence
            logger.info("%s", sentence)
