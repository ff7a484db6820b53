"""Carries messages to the broker, each in its own way, from a thread that alone knows the spool."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.clock import Clock
from edge.complaints import Complaints
from edge.config import Mqtt
from edge.events import as_replayed
from edge.publish.connection import Connection
from edge.publish.session import Session
from edge.publish.spool import Spool

logger = logging.getLogger(__name__)

TICK_S = 0.2
"""The longest wait: how soon it notices that a write is due."""
WAITING_TASKS = 10_000
"""More than this, and the disk has been stuck for minutes."""
MOST_IN_FLIGHT = 64
REFUSED_WAIT_S = 60.0
"""Before an event is offered again to a broker that refused one."""
DRAIN_S = 0.2
"""For what is still to be acknowledged when the daemon stops."""
STOP_TIMEOUT_S = 1.0


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


class Courier(threading.Thread):
    """One device's way to the broker. Its public methods never wait, and may be called anywhere.

    A session begins with the birth, then comes what is retained, then the events that waited, in
    order, then the new ones. `receive` is given topic and payload of each message that is listened
    for, and whether it is a retained one, in the network's thread. Raises ConfigError
    when a file of secrets cannot be read.
    """

    def __init__(
        self,
        config: Mqtt,
        topics: Topics,
        receive: Callable[[str, bytes, bool], None],
        spool_file: Path | None,
        clock: Clock,
    ) -> None:
        super().__init__(name="courier", daemon=True)
        self._config, self._topics, self._clock = config, topics, clock
        self._spool_file = spool_file
        self._complaints = Complaints(logger)
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._session: Session | None = None
        self._retained: dict[str, bytes] = {}
        self._unsent: dict[str, bytes] = {}
        self._in_flight: dict[int, int | None] = {}
        self._newest_of_before = 0
        self._next_event_s = 0.0
        self._lost_tasks = 0
        self._sessions = self._acknowledged = 0
        self._stopping = threading.Event()
        self._receive = receive
        self.delivery = Delivery()
        """How events fared a moment ago."""
        self._connection = Connection(config, (topics.status, topics.will), self)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._session is not None

    def retain(self, topic: str, payload: bytes) -> None:
        """The newest of a topic, retained; published again with every session."""
        self._later(self._retain, topic, payload)

    def pass_on(self, topic: str, payload: bytes) -> None:
        """A message of QoS 0, lost while the broker is away."""
        self._later(self._pass_on, topic, payload)

    def deliver(self, event: bytes) -> None:
        """An event; kept until the broker has it."""
        self._later(self._deliver, event)

    # What follows is told by the connection, in the network's thread.

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message on a topic that is listened to."""
        self._receive(topic, payload, retained)

    def session_began(self, session: Session) -> None:
        """The broker accepted us."""
        self._tasks.put(partial(self._begin, session))

    def session_ended(self) -> None:
        """The session just told of is over."""
        self._tasks.put(self._end)

    def was_acknowledged(self, message_id: int, refusal: str) -> None:
        """The broker has a message, or tells why it refuses it."""
        self._tasks.put(partial(self._take_answer, message_id, refusal))

    def stop(self) -> None:
        """Says farewell, writes what is left, and leaves, in a second at most."""
        if self.is_alive():
            self._tasks.put(self._stopping.set)
            self.join(STOP_TIMEOUT_S)

    def run(self) -> None:
        """Works until told to stop."""
        self._spool = Spool(self._config.spool, self._spool_file, self._clock)
        self._connection.start()
        while not self._stopping.is_set():
            self._work(TICK_S)
        until_s = self._clock.now_s() + DRAIN_S
        while self._session and (self._in_flight or self._spool) and self._clock.now_s() < until_s:
            self._work(DRAIN_S / 10)
        self._connection.stop(self._topics.will)
        self._spool.close()
        if self._spool:
            logger.warning("%d events wait for the broker to return", len(self._spool))

    def _later(self, task: Callable[..., None], *arguments: object) -> None:
        """Has something done that may be given up where the disk or the network is stuck."""
        if self._tasks.qsize() < WAITING_TASKS:
            self._tasks.put(partial(task, *arguments))
        else:
            self._lost_tasks += 1

    def _work(self, timeout_s: float) -> None:
        """Does what has been asked for so far, or waits for it."""
        try:
            task = self._tasks.get(timeout=timeout_s)
            while True:
                task()
                task = self._tasks.get_nowait()
        except queue.Empty:
            pass
        self._send()
        self._spool.write_if_due()
        self.delivery = Delivery(
            self._sessions,
            self._acknowledged,
            len(self._spool),
            self._spool.unwritten,
            self._spool.dropped + self._lost_tasks,
        )

    def _retain(self, topic: str, payload: bytes) -> None:
        self._retained[topic] = self._unsent[topic] = payload

    def _pass_on(self, topic: str, payload: bytes) -> None:
        if self._session is not None:
            self._session.publish(topic, payload, qos=0)

    def _deliver(self, event: bytes) -> None:
        ticket = self._spool.add(event)
        if self._session is None:
            self._newest_of_before = ticket

    def _begin(self, session: Session) -> None:
        self._session, self._sessions = session, self._sessions + 1
        self._in_flight.clear()
        self._unsent = dict(self._retained)
        self._next_event_s = self._clock.now_s()
        if self._topics.listened:
            session.client.subscribe([(topic, 1) for topic in self._topics.listened])
        birth = session.publish(self._topics.status, self._topics.birth, qos=1, retain=True)
        self._in_flight[birth] = None
        if len(self._spool):
            logger.info("publishing %d events that waited for the broker", len(self._spool))

    def _end(self) -> None:
        """What was not acknowledged by now waits for the next session."""
        self._session = None
        self._in_flight.clear()
        self._newest_of_before = self._spool.newest

    def _take_answer(self, message_id: int, refusal: str) -> None:
        ticket = self._in_flight.pop(message_id, None)
        if refusal:
            self._complaints.complain(
                "refusal",
                f"the broker refuses what we publish ({refusal}); let its access list allow "
                f"{self._topics.status.rpartition('/')[0]}/#",
                self._clock.now_s(),
            )
            self._next_event_s = self._clock.now_s() + REFUSED_WAIT_S
        elif ticket is not None:
            self._spool.remove(ticket)
            self._acknowledged += 1

    def _send(self) -> None:
        """As much as the broker takes before it has acknowledged the first of it."""
        session = self._session
        if session is None:
            return
        most = min(session.receive_maximum, MOST_IN_FLIGHT)
        while len(self._in_flight) < most:
            if self._unsent:
                topic, payload = next(iter(self._unsent.items()))
                del self._unsent[topic]
                self._in_flight[session.publish(topic, payload, qos=1, retain=True)] = None
            elif not self._send_event(session):
                return

    def _send_event(self, session: Session) -> bool:
        """Offers the oldest event that is not on its way; whether there was one to offer now."""
        now_s = self._clock.now_s()
        if now_s < self._next_event_s:
            return False
        oldest = self._spool.oldest(apart_from=set(self._in_flight.values()))
        if oldest is None:
            return False
        ticket, payload = oldest
        if ticket <= self._newest_of_before:
            payload = as_replayed(payload)
            self._next_event_s = now_s + 1 / self._config.spool.replay_per_s
        expires_in_s = self._spool.expires_in_s(ticket)
        sent = session.publish(self._topics.event, payload, qos=1, expires_in_s=expires_in_s)
        self._in_flight[sent] = ticket
        return True
