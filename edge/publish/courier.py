"""Carries messages to the broker, from a thread that alone knows what is on its way."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.clock import Clock
from edge.config import Mqtt
from edge.publish.connection import Connection
from edge.publish.outbox import Delivery, Outbox, Topics
from edge.publish.session import Session
from edge.publish.spool import Spool

logger = logging.getLogger(__name__)

TICK_S = 1.0
"""The longest wait: how soon it notices that a write is due, at the latest."""
WAITING_TASKS = 10_000
"""More than this, and the disk has been stuck for minutes."""
DRAIN_S = 0.2
"""For what is still to be acknowledged when the daemon stops."""
STOP_TIMEOUT_S = 1.0


class Courier(threading.Thread):
    """One device's way to the broker. Its public methods never wait, and may be called anywhere.

    `receive` is given topic and payload of each message that is listened for, and whether it is a
    retained one, in the network's thread. Raises ConfigError when a file of secrets cannot be read.
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
        self._receive, self._spool_file = receive, spool_file
        self._tasks: queue.SimpleQueue[Callable[[Outbox], None]] = queue.SimpleQueue()
        self._lost_tasks = 0
        self._stopping = threading.Event()
        self._last_progress_s = clock.now_s()
        self.connected = False
        """Whether the broker was there a moment ago."""
        self.delivery = Delivery()
        """How events fared a moment ago."""
        self._connection = Connection(config, (topics.status, topics.will), self)

    def retain(self, topic: str, payload: bytes) -> None:
        """The newest of a topic, retained; published again with every session."""
        self._later(lambda outbox: outbox.retain(topic, payload))

    def pass_on(self, topic: str, payload: bytes) -> None:
        """A message of QoS 0, lost while the broker is away."""
        self._later(lambda outbox: outbox.pass_on(topic, payload))

    def deliver(self, event: bytes) -> None:
        """An event; kept until the broker has it."""
        self._later(lambda outbox: outbox.deliver(event))

    @property
    def last_progress_s(self) -> float:
        """When it last waited for something to do; never, if it or the connection has ended.

        It begins with opening the spool, which takes long on a slow disk.
        """
        begun = (one for one in (self, self._connection) if one.ident is not None)
        return self._last_progress_s if all(one.is_alive() for one in begun) else float("-inf")

    def stop(self) -> None:
        """Says farewell, writes what is left, and leaves, in a second at most."""
        if self.is_alive():
            self._tasks.put(lambda outbox: self._stopping.set())
            self.join(STOP_TIMEOUT_S)

    # What follows is told by the connection, in the network's thread.

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message on a topic that is listened to."""
        self._receive(topic, payload, retained)

    def session_began(self, session: Session) -> None:
        """The broker accepted us."""
        self._tasks.put(lambda outbox: outbox.begin(session))

    def session_ended(self) -> None:
        """The session just told of is over."""
        self._tasks.put(Outbox.end)

    def was_acknowledged(self, message_id: int, refusal: str) -> None:
        """The broker has a message, or tells why it refuses it."""
        self._tasks.put(lambda outbox: outbox.take_answer(message_id, refusal))

    def run(self) -> None:
        """Works until told to stop."""
        spool = Spool(self._config.spool, self._spool_file, self._clock)
        outbox = Outbox(self._topics, spool, self._config.spool.replay_per_s, self._clock)
        tick_s = min(TICK_S, self._config.spool.write_interval_s)
        self._connection.start()
        self._work(outbox, spool)
        while not self._stopping.is_set():
            self._last_progress_s = self._clock.now_s()
            self._catch_up(outbox, outbox.wait_s(tick_s))
            self._work(outbox, spool)
        until_s = self._clock.now_s() + DRAIN_S
        while not outbox.is_settled and self._clock.now_s() < until_s:
            self._catch_up(outbox, DRAIN_S / 10)
            self._work(outbox, spool)
        if spool.unwritten:
            spool.write()  # before anything that may take long
        self._connection.stop(self._topics.will)
        self._catch_up(outbox, 0)
        spool.close()
        if spool:
            logger.warning("%d events wait for the broker to return", len(spool))

    def _later(self, task: Callable[[Outbox], None]) -> None:
        """Has something done that may be given up where the disk or the network is stuck."""
        if self._tasks.qsize() < WAITING_TASKS:
            self._tasks.put(task)
        else:
            self._lost_tasks += 1

    def _catch_up(self, outbox: Outbox, timeout_s: float) -> None:
        """Waits for what is asked for, and does it."""
        try:
            task = self._tasks.get(timeout=timeout_s) if timeout_s else self._tasks.get_nowait()
            while True:
                task(outbox)
                task = self._tasks.get_nowait()
        except queue.Empty:
            pass

    def _work(self, outbox: Outbox, spool: Spool) -> None:
        outbox.send()
        spool.write_if_due()
        told = outbox.delivery
        self.delivery = replace(told, dropped=told.dropped + self._lost_tasks)
        self.connected = outbox.is_open
