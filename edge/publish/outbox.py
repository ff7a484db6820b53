"""What is on its way to the broker, and what waits to be; for one thread."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import PayloadError
from edge.publish.messages import as_replayed
from edge.publish.session import Session
from edge.publish.spool import Spool
from edge.throttled_log import ThrottledLog

logger = logging.getLogger(__name__)

MOST_IN_FLIGHT = 64
LATE_S = 0.2
"""What replaying may catch up on where it was held up."""
SHORTEST_WAIT_S = 0.005
"""Where more waits than the broker takes at once, or the disk cannot be read."""
REFUSED_WAIT_S = 60.0
"""Before an event is offered again to a broker that refused one."""


@dataclass(frozen=True)
class Delivery:
    """How events fare."""

    sessions: int = 0
    """Since the start; all but the first are reconnects."""
    acknowledged: int = 0
    """Events that the broker has."""
    waiting: int = 0
    """Events that it does not have yet."""
    unwritten: int = 0
    """Of these, the ones in memory alone."""
    dropped: int = 0
    """Events given up."""


@dataclass(frozen=True)
class Topics:
    """Where a courier speaks and listens."""

    status: str
    """Retained; `birth` when a session begins, `will` when it ends in whatever way."""
    birth: str
    will: str
    event: str
    listened: Sequence[str]


class Outbox:
    """Sends what a session takes, and remembers what it has not acknowledged.

    A session begins with the birth, then comes what is retained, then the events that waited, in
    order and no faster than `replay_per_s`, then the new ones.
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
        self._newest_of_before = 0
        self._next_event_s = 0.0
        self._sessions = self._acknowledged = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be sent or acknowledged any more, or can be."""
        return self._session is None or not (self._in_flight or self._unsent or self._spool)

    @property
    def delivery(self) -> Delivery:
        """How events fare."""
        spool = self._spool
        return Delivery(
            self._sessions, self._acknowledged, len(spool), spool.unwritten, spool.dropped
        )

    def wait_s(self, longest_s: float) -> float:
        """How long there is nothing to send, if nothing comes."""
        if self._session is None or len(self._spool) <= len(self._on_their_way):
            return longest_s  # only an answer changes that
        return min(max(self._next_event_s - self._clock.now_s(), SHORTEST_WAIT_S), longest_s)

    @property
    def _on_their_way(self) -> set[int]:
        return {ticket for _, ticket in self._in_flight.values() if ticket is not None}

    def retain(self, topic: str, payload: bytes) -> None:
        """The newest of a topic, sent with every session."""
        self._retained[topic] = self._unsent[topic] = payload

    def pass_on(self, topic: str, payload: bytes) -> None:
        """A message of QoS 0, lost without a session."""
        if self._session is not None:
            self._session.publish(topic, payload, qos=0)

    def deliver(self, event: bytes) -> None:
        """An event, kept until it is acknowledged."""
        self._spool.add(event)

    def begin(self, session: Session) -> None:
        """The broker accepted us."""
        self._session, self._sessions = session, self._sessions + 1
        self._in_flight.clear()
        self._unsent = dict(self._retained)
        self._next_event_s, self._newest_of_before = self._clock.now_s(), self._spool.newest
        if self._topics.listened:
            session.client.subscribe([(topic, 1) for topic in self._topics.listened])
        birth = session.publish(self._topics.status, self._topics.birth, qos=1, retain=True)
        self._in_flight[birth] = (self._topics.status, None)
        if len(self._spool):
            logger.info("publishing %d events that waited for the broker", len(self._spool))

    def end(self) -> None:
        """What was not acknowledged by now waits for the next session."""
        self._session = None
        self._in_flight.clear()

    def take_answer(self, message_id: int, refusal: str) -> None:
        """The broker has a message, or refuses it for a reason."""
        topic, ticket = self._in_flight.pop(message_id, ("", None))
        now_s = self._clock.now_s()
        if refusal:
            self._log.warning(
                topic,
                f"the broker refuses what we publish on {topic} ({refusal}); let its access list "
                "allow that",
                now_s,
            )
            if ticket is not None:
                self._next_event_s = now_s + REFUSED_WAIT_S
        elif ticket is not None:
            self._spool.remove(ticket)
            self._acknowledged += 1

    def send(self) -> None:
        """As much as the broker takes before it has acknowledged the first of it."""
        session = self._session
        if session is None:
            return
        most = min(session.receive_maximum, MOST_IN_FLIGHT)
        while len(self._in_flight) < most:
            if self._unsent:
                topic, payload = next(iter(self._unsent.items()))
                del self._unsent[topic]
                if session.takes(topic, payload):
                    sent = session.publish(topic, payload, qos=1, retain=True)
                    self._in_flight[sent] = (topic, None)
                else:
                    self._log.warning(
                        topic,
                        f"{topic}: {len(payload)} bytes are more than the broker takes",
                        self._clock.now_s(),
                    )
            elif not self._send_event(session):
                return

    def _send_event(self, session: Session) -> bool:
        """Offers the oldest event that is not on its way; whether there was one to offer now."""
        now_s, topic = self._clock.now_s(), self._topics.event
        if now_s < self._next_event_s:
            return False
        oldest = self._spool.oldest(apart_from=self._on_their_way)
        if oldest is None:
            return False
        ticket, payload = oldest
        if ticket <= self._newest_of_before:
            # From the moment it was due, so that a late one does not slow down the rest.
            due_s = max(self._next_event_s, now_s - LATE_S)
            self._next_event_s = due_s + 1 / self._replay_per_s
            try:
                payload = as_replayed(payload)
            except PayloadError as error:
                self._spool.give_up(ticket, f"the spool is damaged ({error})")
                return True
        if not session.takes(topic, payload):
            self._spool.give_up(ticket, f"events of {len(payload)} bytes are not taken")
            return True
        expires_in_s = self._spool.expires_in_s(ticket)
        sent = session.publish(topic, payload, qos=1, expires_in_s=expires_in_s)
        self._in_flight[sent] = (topic, ticket)
        return True
