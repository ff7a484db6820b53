"""The topics of one session, asked for again where the broker has refused them."""

import logging
import threading
import time
from collections.abc import Sequence

import paho.mqtt.client as paho

logger = logging.getLogger(__name__)

AGAIN_S = 10.0
"""Wait before a refused topic is asked for again: a cluster refuses some until it has a leader."""


class Subscriptions:
    """Subscribes a client of paho to topics with QoS 1, until the broker has granted each of them.

    A granted one is never asked for again, as the broker would repeat its retained messages. Three
    threads use it: the one that asks first, the network's and the connection's.
    """

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._asked: dict[int | None, list[str]] = {}
        """Topics by the message that asks for them."""
        self._refused: list[str] = []
        self._again_s = float("inf")
        self._was_refused = False

    def ask(self, topics: Sequence[str]) -> None:
        """Asks for topics; the answer comes later."""
        with self._lock:
            _, message_id = self._client.subscribe([(topic, 1) for topic in topics])
            self._asked[message_id] = list(topics)

    def note_answer(self, message_id: int, refusals: Sequence[str]) -> None:
        """Notes the reason why each topic of a message is refused; an empty one grants it."""
        with self._lock:
            topics = self._asked.pop(message_id, [])
            refused = [topic for topic, one in zip(topics, refusals, strict=False) if one]
            self._refused += refused
            if refused:
                self._again_s = time.monotonic() + AGAIN_S
            was_refused, self._was_refused = self._was_refused, bool(self._refused)
        if refused and not was_refused:
            reasons = ", ".join(sorted({one for one in refusals if one}))
            logger.warning(
                "the broker refuses our subscriptions (%s); asking again every %.0f s: check its "
                "access list",
                reasons,
                AGAIN_S,
            )
        elif was_refused and not self._was_refused:
            logger.info("the broker takes our subscriptions now")

    def ask_again(self) -> None:
        """Asks for the refused topics if it is time to."""
        with self._lock:
            if time.monotonic() < self._again_s:
                return
            topics, self._refused = self._refused, []
            self._again_s = float("inf")
        self.ask(topics)
