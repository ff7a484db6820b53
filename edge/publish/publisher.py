"""Publishes one device's messages, from a thread that alone knows what is in flight."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from edge.clock import Clock
from edge.config import Mqtt
from edge.errors import describe
from edge.publish.connection import Connection
from edge.publish.entities import Shown
from edge.publish.home_assistant import HomeAssistant
from edge.publish.leftovers import FILE as LEFTOVERS_FILE
from edge.publish.leftovers import Leftovers
from edge.publish.messages import Delivery, Message
from edge.publish.outbox import Outbox, Topics
from edge.publish.payloads import NOTHING_DELIVERED
from edge.publish.session import Session
from edge.publish.spool import Spool
from edge.throttled_log import ThrottledLog
from edge.values import MODALITIES

logger = logging.getLogger(__name__)

ONLINE, OFFLINE = "online", "offline"
COMMANDS = ("text", "observation", "pause", "models")
SPOOL_FILE = "spool.sqlite"
LONGEST_WAIT_S = 20.0
"""Longest wait of the thread: it shows that it is not stuck."""
MAX_QUEUED_TASKS = 10_000
"""Reached only after the disk has been stuck for minutes."""
DRAIN_S = 0.2
"""Time for outstanding acknowledgements when the daemon stops."""
STOP_TIMEOUT_S = 1.0
ALL_SHOWN = Shown()
Receive = Callable[[str, bytes, bool, float], None]
ReceiveOther = Callable[[bytes, bool, float], None]
NO_OTHERS: Mapping[str, ReceiveOther] = {}


class Publisher(threading.Thread):
    """Publishes to a broker that may come and go; `publish` never waits, in any thread.

    Events are kept until the broker has acknowledged them, in `state_folder` if there is one. Of
    every retained topic the newest message is kept. Both are published when a session starts.
    `receive` is called in the network's thread with the name of each command, its payload, whether
    the broker had retained it, and for how long it may have waited there, in seconds; those of
    `further` in the same way for each message on another topic. Raises ConfigError when a secret
    cannot be read.
    """

    def __init__(
        self,
        config: Mqtt,
        receive: Receive | None = None,
        state_folder: Path | None = None,
        clock: Clock | None = None,
        shown: Shown = ALL_SHOWN,
        further: Mapping[str, ReceiveOther] = NO_OTHERS,
    ) -> None:
        super().__init__(name="publisher", daemon=True)
        self._config, self._receive, self._clock = config, receive, clock or Clock()
        self._spool_file = state_folder / SPOOL_FILE if state_folder else None
        self._tasks: queue.SimpleQueue[Callable[[Outbox], None]] = queue.SimpleQueue()
        self._dropped_tasks = 0
        self._log = ThrottledLog(logger)
        self._stopping = threading.Event()
        self._last_progress_s = self._clock.now_s()
        self.connected = False
        """True if there was a session a moment ago."""
        self.delivery = NOTHING_DELIVERED
        """Delivery of events as of a moment ago."""
        self._home_assistant = HomeAssistant(config, shown, self._retain)
        self._leftovers = Leftovers(
            state_folder / LEFTOVERS_FILE if state_folder else None,
            [
                *(self._topic(name) for name in ("status", "info", "state", "models")),
                *(self._topic(f"{modality}/status") for modality in MODALITIES),
                *self._home_assistant.topics,
            ],
        )
        self._commands = {self._topic(f"set/{name}"): name for name in COMMANDS} if receive else {}
        self._further = further
        self._topics = Topics(
            self._topic("status"),
            ONLINE,
            self._topic("event"),
            [*self._commands, *further, *self._home_assistant.subscriptions],
        )
        self._connection = Connection(
            config, (self._topics.status, OFFLINE), self, clock=self._clock
        )
        self._home_assistant.announce()
        for topic in self._leftovers.topics:
            self._retain(topic, b"")

    def publish(self, message: Message) -> None:
        """Publishes a message on its topic, with the guarantee of its class."""
        self._put(self._topic(message.topic), message.encode(), message.delivery)

    @property
    def last_progress_s(self) -> float:
        """Time at which the thread last waited for work; -inf once it or the connection ended.

        It starts by opening the spool, which takes long on a slow disk.
        """
        started = (one for one in (self, self._connection) if one.ident is not None)
        return self._last_progress_s if all(one.is_alive() for one in started) else float("-inf")

    def meets_new_reader(self) -> bool:
        """Returns True once after Home Assistant has started: it has only what is retained."""
        restarted = self._home_assistant.has_restarted
        was_set = restarted.is_set()
        restarted.clear()
        return was_set

    def stop(self) -> None:
        """Publishes `offline`, writes what is left and disconnects, within a second."""
        if self.is_alive():
            until_s = self._clock.now_s() + STOP_TIMEOUT_S
            self._tasks.put(lambda outbox: self._stopping.set())
            self.join(STOP_TIMEOUT_S)
            if self._connection.ident is not None:  # it would hold the daemon's models in memory
                self._connection.join(max(until_s - self._clock.now_s(), 0))

    # The connection calls the next four, in the network's thread.

    def received(self, topic: str, payload: bytes, retained: bool, age_s: float) -> None:
        """Passes on a command, a message of another topic, or a greeting of Home Assistant."""
        if self._receive is not None and topic in self._commands:
            self._receive(self._commands[topic], payload, retained, age_s)
        elif topic in self._further:
            self._further[topic](payload, retained, age_s)
        elif payload == ONLINE.encode() and not retained:
            self._home_assistant.announce_soon()

    def session_started(self, session: Session) -> None:
        """Uses a session that the broker accepted."""
        self._tasks.put(lambda outbox: outbox.start_session(session))

    def session_ended(self, reason: str) -> None:
        """Stops using the session."""
        self._tasks.put(lambda outbox: outbox.end_session(reason))

    def acknowledged(self, message_id: int, refusal: str) -> None:
        """Notes that the broker has a message, or refuses it for a reason."""
        self._tasks.put(lambda outbox: outbox.acknowledge(message_id, refusal))

    def run(self) -> None:
        """Works until told to stop."""
        spool = Spool(self._config.spool, self._spool_file, self._clock)
        outbox = Outbox(
            self._topics,
            spool,
            self._config.spool.replay_per_s,
            self._clock,
            self._leftovers.forget,
        )
        self._connection.start()
        self._work(outbox, spool)
        while not self._stopping.is_set():
            self._last_progress_s = self._clock.now_s()
            self._run_tasks(outbox, min(outbox.wait_s(LONGEST_WAIT_S), spool.due_in_s))
            self._work(outbox, spool)
        until_s = self._clock.now_s() + DRAIN_S
        while not outbox.is_drained and self._clock.now_s() < until_s:
            self._run_tasks(outbox, DRAIN_S / 10)
            self._work(outbox, spool)
        if spool.unwritten:
            spool.write()  # before anything that may take long
        self._connection.stop(OFFLINE)
        self._run_tasks(outbox, 0)
        spool.close()
        if spool:
            logger.warning("%d events wait for the broker to return", len(spool))

    def _topic(self, name: str) -> str:
        return f"{self._config.root}/{name}"

    def _retain(self, topic: str, payload: bytes) -> None:
        self._put(topic, payload, Delivery.RETAINED)

    def _put(self, topic: str, payload: bytes, delivery: Delivery) -> None:
        """Hands a message to the thread; drops it where the disk or the network is stuck."""
        if self._tasks.qsize() < MAX_QUEUED_TASKS:
            self._tasks.put(lambda outbox: outbox.put(topic, payload, delivery))
        else:
            self._dropped_tasks += 1

    def _run_tasks(self, outbox: Outbox, timeout_s: float) -> None:
        """Waits for a task, then runs all that there are."""
        try:
            task = self._tasks.get(timeout=timeout_s) if timeout_s else self._tasks.get_nowait()
            while True:
                task(outbox)
                task = self._tasks.get_nowait()
        except queue.Empty:
            pass

    def _work(self, outbox: Outbox, spool: Spool) -> None:
        """Sends and writes what is due; an event that makes that fail is given up, not the rest."""
        try:
            outbox.send()
            spool.write_if_due()
        except Exception as error:
            self._log.warning(
                "failure", f"publishing failed with {describe(error)}", self._clock.now_s()
            )
            outbox.give_up(describe(error))
        delivery = outbox.delivery
        dropped = delivery.dropped + self._dropped_tasks
        self.delivery = msgspec.structs.replace(delivery, dropped=dropped)
        self.connected = outbox.has_session
