"""Keeps a connection to the broker, one session after another."""

import logging
import random
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.clock import Clock
from edge.config import Mqtt
from edge.publish.attempts import Address, Attempts, Outcome
from edge.publish.refusals import failure, loss, refusal, silence
from edge.publish.session import ClientFactory, Session, SessionListener, abort, has_live_thread
from edge.publish.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0
"""Time a broker may take to answer CONNECT."""
FAREWELL_TIMEOUT_S = 0.4
"""Time a broker may take to acknowledge the farewell."""
SHORT_SESSION_S = 10.0
MAX_SHORT_SESSIONS = 3
"""More in a row suggest a second client with our identifier; not every broker reports that."""
DEFAULT_RECEIVE_MAXIMUM = 65_535
"""Unacknowledged messages that a broker accepts by default (MQTT 5, section 3.2.2.3.3)."""
CLOCK_CHECK_S, CLOCK_STEP_S = 0.5, 60.0
"""Interval of comparing the clocks while waiting, and the step that ends the wait."""
MAX_PACKET_BYTES = 268_435_460
"""Longest packet that MQTT allows."""
THREAD_CHECK_S = 1.0
"""Interval of checking that paho's thread still runs."""


class Connection(threading.Thread):
    """Connects, and reconnects with growing waits, until `stop`.

    Every session has a client of its own, so that the next one does not send what a lost session
    left unsent. `identifier` defaults to the daemon's. Raises ConfigError when a secret cannot be
    read.
    """

    def __init__(
        self,
        config: Mqtt,
        will: tuple[str, str] | None,
        listener: SessionListener,
        identifier: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._config, self._will, self._listener = config, will, listener
        self._clock = clock or Clock()
        self._client_factory = ClientFactory(config, will, identifier)
        for sentence in self._client_factory.weaknesses:
            logger.warning("%s", sentence)
        self._attempts = Attempts(config)
        self._address = Address(config.host, config.port)
        self._known: set[Address] = set()
        """Brokers with which there was a session."""
        self._client: paho.Client | None = None
        self._subscriptions: Subscriptions | None = None
        self._outcome = Outcome.UNREACHABLE
        self._answered, self._ended = threading.Event(), threading.Event()
        self._stopping = threading.Event()
        self._started_s, self._short_sessions = 0.0, 0
        self._ended_s = float("-inf")
        self._may_have_waited_s = 0.0
        self._last_logged = ""

    def run(self) -> None:
        """Holds one session after another until told to stop."""
        reconnect = self._config.reconnect
        wait_s = reconnect.shortest_s
        while not self._stopping.is_set():
            for address, mqtt5 in self._attempts:
                self._address = address
                self._hold_session(mqtt5)
                self._attempts.note(address, mqtt5, self._outcome)
                if self._outcome is Outcome.LOST or self._stopping.is_set():
                    break
            if self._outcome is Outcome.REFUSED:
                wait_s = reconnect.longest_s
            elif self._outcome is Outcome.LOST and self._held_s > SHORT_SESSION_S:
                wait_s = reconnect.shortest_s
            elif self._outcome is Outcome.UNANSWERED and not self._stopping.is_set():
                self._log_once(silence(self._address, self._address in self._known))
            # The devices of a fleet must not all reconnect at the same moment.
            was_set = self._wait(wait_s * random.uniform(0.5, 1))  # noqa: S311
            wait_s = reconnect.shortest_s if was_set else min(wait_s * 2, reconnect.longest_s)

    def _wait(self, wait_s: float) -> bool:
        """Waits, unless somebody sets the clock: certificates may be valid now. Returns that."""
        offset_s, until_s = self._clock.offset_s, time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            if self._stopping.wait(min(left_s, CLOCK_CHECK_S)):
                return False
            if abs(self._clock.offset_s - offset_s) > CLOCK_STEP_S:
                return True
        return False

    def stop(self, farewell: str = "") -> None:
        """Disconnects after publishing `farewell` on the topic of the will, if there is one.

        If the broker does not acknowledge it in time, the connection is aborted instead, so that
        the broker publishes the will.
        """
        self._stopping.set()
        (client, self._client), will = (self._client, None), self._will
        if client is not None and will is None:
            client.disconnect()
        elif client and will and self._outcome is Outcome.LOST and not self._ended.is_set():
            sent = client.publish(will[0], farewell, qos=1, retain=True)
            try:
                sent.wait_for_publish(FAREWELL_TIMEOUT_S)
                published = sent.is_published()
            except (RuntimeError, ValueError):
                logger.warning("the connection was lost before %r could be published", farewell)
                published = False
            if published:
                client.disconnect()
            else:
                abort(client)
        elif client is not None:
            abort(client)  # its thread would wait for an answer
        self._ended.set()
        self._answered.set()

    def _hold_session(self, mqtt5: bool) -> None:
        """Connects and waits for the end of the connection."""
        self._ended.clear()
        self._answered.clear()
        self._outcome = Outcome.UNREACHABLE
        client = self._new_client(mqtt5)
        try:
            self._client_factory.connect(client, self._address)
        except (OSError, ValueError) as error:  # ValueError: an impossible host name
            now = self._clock.utc(self._clock.now_s())
            self._outcome, sentence = failure(self._address, error, now)
            self._log_once(sentence)
            return
        self._outcome = Outcome.UNANSWERED
        self._client, self._subscriptions = client, None
        client.loop_start()
        if not self._answered.wait(ANSWER_TIMEOUT_S):
            abort(client)
        while not self._ended.wait(THREAD_CHECK_S):
            if not has_live_thread(client):
                self._end_session("its thread ended")
            elif self._subscriptions is not None:
                self._subscriptions.ask_again()
        client.loop_stop()  # sends what is left first

    def _new_client(self, mqtt5: bool) -> paho.Client:
        client = self._client_factory.new(mqtt5)
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
            self._outcome, sentence = refusal(self._address, str(reason))
            self._log_once(sentence)
            client.disconnect()
        elif self._stopping.is_set():
            client.disconnect()
        else:
            self._outcome, self._started_s = Outcome.LOST, time.monotonic()
            self._may_have_waited_s = (
                self._started_s - self._ended_s if flags.session_present else 0.0
            )
            self._known.add(self._address)
            self._log_once(f"connected to the broker at {self._address}")
            window = int(getattr(properties, "ReceiveMaximum", DEFAULT_RECEIVE_MAXIMUM))
            max_bytes = int(getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES))
            self._subscriptions = Subscriptions(client)
            session = Session(client, window, max_bytes, self._subscriptions)
            self._listener.session_started(session)
        self._answered.set()

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        self._end_session(str(reason))

    def _end_session(self, reason: str) -> None:
        """Notes the end of the session, or of the attempt to start one."""
        if self._outcome is Outcome.LOST and not self._ended.is_set():
            self._ended_s = time.monotonic()
            self._listener.session_ended(reason)
            if not self._stopping.is_set():
                self._log_loss(reason)
        self._answered.set()
        self._ended.set()

    def _log_loss(self, reason: str) -> None:
        self._short_sessions = self._short_sessions + 1 if self._held_s < SHORT_SESSION_S else 0
        is_short_again = self._short_sessions >= MAX_SHORT_SESSIONS
        self._outcome, sentence = loss(self._address, reason, is_short_again)
        self._log_once(sentence)

    def _on_publish(
        self, client: paho.Client, data: Any, message_id: int, reason: ReasonCode, properties: Any
    ) -> None:
        self._listener.acknowledged(message_id, str(reason) if reason.is_failure else "")

    def _on_subscribe(
        self, client: paho.Client, data: Any, message_id: int, reasons: Any, properties: Any
    ) -> None:
        self._may_have_waited_s = 0.0  # what waited came before the answer to our subscription
        if self._subscriptions is not None:
            refusals = [str(reason) if reason.is_failure else "" for reason in reasons]
            self._subscriptions.note_answer(message_id, refusals)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        age_s = self._may_have_waited_s
        self._listener.received(message.topic, bytes(message.payload), message.retain, age_s)

    @property
    def _held_s(self) -> float:
        """Duration of the session so far."""
        return time.monotonic() - self._started_s

    @property
    def condition(self) -> str:
        """The newest sentence that was logged: that it stands, or why not and what to do."""
        return self._last_logged

    def _log_once(self, sentence: str) -> None:
        """Logs a change of the connection once, however often it is retried."""
        if sentence != self._last_logged:
            self._last_logged = sentence
            logger.info("%s", sentence)
