"""Messages in flight to the broker, and those waiting; for one thread."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import PayloadError
from edge.publish.messages import Delivery, amended
from edge.publish.payloads import DeliveryData
from edge.publish.session import Session
from edge.publish.spool import Spool
from edge.publish.too_long import TOO_LARGE, Sent, TooLong
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
    in order and no faster than `replay_per_s`, then new ones. After a session that ended with
    messages on their way, one is sent at a time, until those have arrived: a message over which
    sessions end, such as one that is too long for the broker, is left out. `removed` is called with
    a topic once the broker has taken its empty message, or refused it.
    """

    def __init__(
        self,
        topics: Topics,
        spool: Spool,
        replay_per_s: float,
        clock: Clock,
        removed: Callable[[str], None] = lambda topic: None,
    ) -> None:
        self._removed = removed
        self._topics, self._spool, self._clock = topics, spool, clock
        self._replay_per_s = replay_per_s
        self._log = ThrottledLog(logger)
        self._session: Session | None = None
        self._retained: dict[str, bytes] = {}
        self._unsent: dict[str, bytes] = {}
        self._postponed: dict[str, float] = {}
        """Topics of retained messages whose sending failed, and when they are sent again."""
        self._in_flight: dict[int, Sent] = {}
        """By message id."""
        self._in_hand: Sent | None = None
        """The message that is about to be sent."""
        self._too_long = TooLong()
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
        if self._session is None:
            return longest_s
        if self._postponed:
            longest_s = min(longest_s, max(min(self._postponed.values()) - self._clock.now_s(), 0))
        if len(self._spool) <= len(self._events_in_flight):
            return longest_s  # only an answer changes that
        return min(max(self._next_event_s - self._clock.now_s(), MIN_WAIT_S), longest_s)

    @property
    def _events_in_flight(self) -> set[int]:
        return {one.ticket for one in self._in_flight.values() if one.ticket is not None}

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
        self._too_long.start_session()
        self._unsent = dict(self._retained)
        self._next_event_s, self._newest_waiting = self._clock.now_s(), self._spool.newest
        if self._topics.subscribed:
            session.subscriptions.ask(self._topics.subscribed)
        online = session.publish(self._topics.status, self._topics.online, qos=1, retain=True)
        self._in_flight[online] = Sent(self._topics.status, len(self._topics.online))
        if len(self._spool):
            logger.info("publishing %d events that waited for the broker", len(self._spool))

    def end_session(self, reason: str = "") -> None:
        """Keeps what was not acknowledged for the next session, except what cannot be sent."""
        self._session = None
        on_their_way = list(self._in_flight.values())
        self._in_flight.clear()
        found = self._too_long.end_session(on_their_way, reason)
        if found is not None:
            self._leave_out(found, reason)

    def acknowledge(self, message_id: int, refusal: str) -> None:
        """Notes that the broker has a message, or the reason why it refuses it."""
        sent = self._in_flight.pop(message_id, None)
        if sent is None:
            return
        self._too_long.note_answer(sent)
        now_s = self._clock.now_s()
        if sent.ticket is None and not sent.bytes and not self._retained.get(sent.topic):
            self._retained.pop(sent.topic, None)
            self._removed(sent.topic)
        if refusal == TOO_LARGE:
            self._leave_out(sent, refusal)
        elif refusal:
            self._log.warning(
                sent.topic,
                f"the broker refuses messages on {sent.topic} ({refusal}); allow them in its "
                "access list",
                now_s,
            )
            if sent.ticket is not None:
                self._next_event_s = now_s + REFUSED_WAIT_S
        elif sent.ticket is not None:
            self._spool.remove(sent.ticket)
            self._acknowledged += 1

    def send(self) -> None:
        """Sends as much as the broker accepts without acknowledging any of it."""
        session = self._session
        if session is None:
            return
        self._postponed_again()
        while len(self._in_flight) < (
            1 if self._too_long.one_at_a_time else min(session.receive_maximum, MAX_IN_FLIGHT)
        ):
            self._in_hand = None
            if self._unsent:
                self._send_retained(session, *next(iter(self._unsent.items())))
            elif not self._send_event(session):
                return

    def _send_retained(self, session: Session, topic: str, payload: bytes) -> None:
        if self._fits(session, topic, payload):
            self._in_hand = Sent(topic, len(payload))
            self._in_flight[session.publish(topic, payload, qos=1, retain=True)] = self._in_hand
        else:
            self._log.warning(
                topic,
                f"{topic}: {len(payload)} bytes are more than the broker accepts",
                self._clock.now_s(),
            )
        del self._unsent[topic]

    def _fits(self, session: Session, topic: str, payload: bytes) -> bool:
        is_known = self._too_long.includes(topic, payload, self._clock.now_s())
        return session.fits(topic, payload) and not is_known

    def _postponed_again(self) -> None:
        """Takes up the retained messages whose sending failed some time ago."""
        for topic, until_s in list(self._postponed.items()):
            if self._clock.now_s() >= until_s:
                del self._postponed[topic]
                self._unsent.setdefault(topic, self._retained[topic])

    def _leave_out(self, sent: Sent, reason: str) -> None:
        """Gives up a message that the broker does not take, and later ones that are no shorter."""
        self._too_long.remember(sent, self._clock.now_s())
        sentence = (
            f"the broker does not take a message of {sent.bytes} bytes on {sent.topic} ({reason}); "
            "it and longer ones are left out: let the broker accept longer messages"
        )
        if sent.ticket is not None:
            self._spool.drop(sent.ticket, sentence)
        else:
            self._log.warning(f"long {sent.topic}", sentence, self._clock.now_s())

    def _send_event(self, session: Session) -> bool:
        """Sends the oldest event that is not in flight; returns whether one was due."""
        now_s, topic = self._clock.now_s(), self._topics.event
        if now_s < self._next_event_s:
            return False
        oldest = self._spool.oldest(excluding=self._events_in_flight)
        if oldest is None:
            return False
        ticket, payload = oldest
        self._in_hand = Sent(topic, len(payload), ticket)
        shift_s, is_late = self._spool.shift_s(ticket), ticket <= self._newest_waiting
        if is_late:
            # Counted from when it was due, so that a late one does not slow down the rest.
            due_s = max(self._next_event_s, now_s - MAX_CATCH_UP_S)
            self._next_event_s = due_s + 1 / self._replay_per_s
        if is_late or shift_s:
            try:
                payload = amended(payload, is_late, shift_s)
            except PayloadError as error:
                self._spool.drop(ticket, f"the spool is damaged ({error})")
                return True
        if not self._fits(session, topic, payload):
            self._spool.drop(ticket, f"the broker does not accept events of {len(payload)} bytes")
            return True
        expires_in_s = self._spool.expires_in_s(ticket)
        sent = session.publish(topic, payload, qos=1, expires_in_s=expires_in_s)
        self._in_flight[sent] = Sent(topic, len(payload), ticket)
        return True

    def give_up(self, reason: str) -> None:
        """Drops the event that could not be sent because of an unexpected error, if it was one.

        A retained message is sent again some time later.
        """
        sent, self._in_hand = self._in_hand, None
        if sent is None:
            return
        if sent.ticket is not None:
            self._spool.drop(sent.ticket, f"an event cannot be published ({reason})")
        elif self._unsent.pop(sent.topic, None) is not None:
            self._postponed[sent.topic] = self._clock.now_s() + REFUSED_WAIT_S
