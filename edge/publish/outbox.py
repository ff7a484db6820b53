"""Messages in flight to the broker, and those waiting; for one thread."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import PayloadError
from edge.publish.messages import Delivery, as_replayed
from edge.publish.payloads import DeliveryData
from edge.publish.session import Session
from edge.publish.spool import Spool
from edge.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 64
MAX_CATCH_UP_S = 0.2
"""Delay that replaying may make up for after it was held up."""
MIN_WAIT_S = 0.005
"""Wait while more is queued than the broker accepts at once, or the disk cannot be read."""
REFUSED_WAIT_S = 60.0
"""Wait before an event is offered again to a broker that refused one."""


@dataclass(frozen=True)
class Topics:
    """Absolute topics of one device."""

    status: str
    """Retained; `online` is published there when a session starts."""
    online: str
    event: str
    subscribed: Sequence[str]


class Outbox:
    """Sends as much as a session accepts, and remembers what is not acknowledged.

    A session starts with `online`, then come the retained messages, then the events that waited,
    in order and no faster than `replay_per_s`, then new ones.
    """

    def __init__(self, topics: Topics, spool: Spool, replay_per_s: float, clock: Clock) -> None:
        self._topics, self._spool, self._clock = topics, spool, clock
        self._replay_per_s = replay_per_s
        self._log = ThrottledLog(logger)
        self._session: Session | None = None
        self._retained: dict[str, bytes] = {}
        self._unsent: dict[str, bytes] = {}
        self._in_flight: dict[int, tuple[str, int | None]] = {}
        """By message id: the topic, and an event's ticket."""
        self._in_hand: int | None = None
        """Ticket of the event that is about to be sent."""
        self._newest_waiting = 0
        """Newest ticket of the events that waited for this session."""
        self._next_event_s = 0.0
        self._sessions = self._acknowledged = 0

    @property
    def has_session(self) -> bool:
        """True while the broker is connected."""
        return self._session is not None

    @property
    def is_drained(self) -> bool:
        """True if nothing is left to send or to be acknowledged, or nothing can be."""
        return self._session is None or not (self._in_flight or self._unsent or self._spool)

    @property
    def delivery(self) -> DeliveryData:
        """Delivery of events so far."""
        return DeliveryData(
            reconnects=max(self._sessions - 1, 0),
            acknowledged=self._acknowledged,
            waiting=len(self._spool),
            unwritten=self._spool.unwritten,
            dropped=self._spool.dropped,
        )

    def wait_s(self, longest_s: float) -> float:
        """Returns how long there is nothing to send unless something arrives, seconds."""
        if self._session is None or len(self._spool) <= len(self._events_in_flight):
            return longest_s  # only an answer changes that
        return min(max(self._next_event_s - self._clock.now_s(), MIN_WAIT_S), longest_s)

    @property
    def _events_in_flight(self) -> set[int]:
        return {ticket for _, ticket in self._in_flight.values() if ticket is not None}

    def put(self, topic: str, payload: bytes, delivery: Delivery) -> None:
        """Takes a message; the spool keeps payloads alone, so all of its events share one topic."""
        if delivery is Delivery.EVENT:
            self._spool.add(payload)
        elif delivery is Delivery.RETAINED:
            self._retained[topic] = self._unsent[topic] = payload
        elif self._session is not None:
            self._session.publish(topic, payload, qos=0)

    def start_session(self, session: Session) -> None:
        """Uses a session that the broker accepted."""
        self._session, self._sessions = session, self._sessions + 1
        self._in_flight.clear()
        self._unsent = dict(self._retained)
        self._next_event_s, self._newest_waiting = self._clock.now_s(), self._spool.newest
        if self._topics.subscribed:
            session.client.subscribe([(topic, 1) for topic in self._topics.subscribed])
        online = session.publish(self._topics.status, self._topics.online, qos=1, retain=True)
        self._in_flight[online] = (self._topics.status, None)
        if len(self._spool):
            logger.info("publishing %d events that waited for the broker", len(self._spool))

    def end_session(self) -> None:
        """Keeps what was not acknowledged for the next session."""
        self._session = None
        self._in_flight.clear()

    def acknowledge(self, message_id: int, refusal: str) -> None:
        """Notes that the broker has a message, or the reason why it refuses it."""
        topic, ticket = self._in_flight.pop(message_id, ("", None))
        now_s = self._clock.now_s()
        if refusal:
            self._log.warning(
                topic,
                f"the broker refuses messages on {topic} ({refusal}); allow them in its access "
                "list",
                now_s,
            )
            if ticket is not None:
                self._next_event_s = now_s + REFUSED_WAIT_S
        elif ticket is not None:
            self._spool.remove(ticket)
            self._acknowledged += 1

    def send(self) -> None:
        """Sends as much as the broker accepts without acknowledging any of it."""
        session = self._session
        if session is None:
            return
        window = min(session.receive_maximum, MAX_IN_FLIGHT)
        while len(self._in_flight) < window:
            self._in_hand = None
            if self._unsent:
                topic, payload = next(iter(self._unsent.items()))
                del self._unsent[topic]
                if session.fits(topic, payload):
                    sent = session.publish(topic, payload, qos=1, retain=True)
                    self._in_flight[sent] = (topic, None)
                else:
                    self._log.warning(
                        topic,
                        f"{topic}: {len(payload)} bytes are more than the broker accepts",
                        self._clock.now_s(),
                    )
            elif not self._send_event(session):
                return

    def _send_event(self, session: Session) -> bool:
        """Sends the oldest event that is not in flight; returns whether one was due."""
        now_s, topic = self._clock.now_s(), self._topics.event
        if now_s < self._next_event_s:
            return False
        oldest = self._spool.oldest(excluding=self._events_in_flight)
        if oldest is None:
            return False
        ticket, payload = oldest
        self._in_hand = ticket
        if ticket <= self._newest_waiting:
            # Counted from when it was due, so that a late one does not slow down the rest.
            due_s = max(self._next_event_s, now_s - MAX_CATCH_UP_S)
            self._next_event_s = due_s + 1 / self._replay_per_s
            try:
                payload = as_replayed(payload)
            except PayloadError as error:
                self._spool.drop(ticket, f"the spool is damaged ({error})")
                return True
        if not session.fits(topic, payload):
            self._spool.drop(ticket, f"the broker does not accept events of {len(payload)} bytes")
            return True
        expires_in_s = self._spool.expires_in_s(ticket)
        sent = session.publish(topic, payload, qos=1, expires_in_s=expires_in_s)
        self._in_flight[sent], self._in_hand = (topic, ticket), None
        return True

    def give_up(self, reason: str) -> None:
        """Drops the event that could not be sent because of an unexpected error, if it was one."""
        if self._in_hand is not None:
            self._spool.drop(self._in_hand, f"an event cannot be published ({reason})")
            self._in_hand = None
