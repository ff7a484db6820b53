"""Finds and remembers messages that a broker does not take, mostly because of their length."""

from collections.abc import Sequence
from dataclasses import dataclass

TOO_LARGE = "Packet too large"
"""Reason of a broker that does not take a message of this length, now or later."""
REMEMBERED_S = 86_400.0
"""Time for which a message as long is not tried again: somebody may change the broker's limit."""
MAX_LOSSES = 3
"""Sessions that may end over one message, alone on its way, before it is left out."""


@dataclass(frozen=True)
class Sent:
    """A message on its way: its topic, the size of its payload, and an event's ticket."""

    topic: str
    bytes: int
    ticket: int | None = None

    @property
    def key(self) -> str | int:
        """Identifies it over sessions: by the ticket of an event, else by the topic."""
        return self.topic if self.ticket is None else self.ticket


class TooLong:
    """The messages over which sessions end.

    A broker may just close the connection, and so may anything else. So after a session that ended
    with messages on their way, one is to be sent at a time, until each of them has arrived.
    """

    def __init__(self) -> None:
        self._losses: dict[str | int, int] = {}
        """Messages on whose way a session ended, by their key; counted if they were alone."""
        self._known: dict[str, tuple[int, float]] = {}
        """Shortest payload that the broker does not take, bytes, and until when, by topic."""
        self._is_proven = False
        """True if the broker has acknowledged anything in this session."""

    @property
    def one_at_a_time(self) -> bool:
        """True while a message on its way is to be alone."""
        return bool(self._losses)

    def start_session(self) -> None:
        """A session has started."""
        self._is_proven = False

    def end_session(self, on_their_way: Sequence[Sent], reason: str) -> Sent | None:
        """Returns the message over which the session ended, if it is known by now."""
        if reason == TOO_LARGE and on_their_way:
            return max(on_their_way, key=lambda one: one.bytes)
        if not self._losses:
            self._losses = dict.fromkeys((one.key for one in on_their_way), 0)
        elif self._is_proven:
            for one in on_their_way:  # one alone
                self._losses[one.key] = self._losses.get(one.key, 0) + 1
                if self._losses[one.key] >= MAX_LOSSES:
                    return one
        return None

    def note_answer(self, sent: Sent) -> None:
        """The broker has answered a message."""
        self._is_proven = True
        self._losses.pop(sent.key, None)

    def remember(self, sent: Sent, now_s: float) -> None:
        """Remembers a message that the broker does not take."""
        self._losses.pop(sent.key, None)
        self._known[sent.topic] = (sent.bytes, now_s + REMEMBERED_S)

    def includes(self, topic: str, payload: bytes, now_s: float) -> bool:
        """Returns whether a message is as long as one that the broker does not take."""
        too_long, until_s = self._known.get(topic, (0, 0.0))
        return len(payload) >= too_long and now_s < until_s
