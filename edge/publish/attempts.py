"""Decides which broker and which version of MQTT is tried next."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from edge.config import Mqtt

SURE_AFTER = 2
"""Sessions with 3.1.1 after no answer to 5 that show that this broker does not speak 5."""


HAS_PORT = re.compile(r":\d+$")


class Outcome(Enum):
    """Ways in which an attempt to hold a session ends."""

    UNREACHABLE = "no connection to the address"
    UNANSWERED = "no CONNACK, or none that we understand"
    OLDER = "the broker refused this version of MQTT"
    REFUSED = "the broker refused the connection"
    LOST = "the session was open and then lost"


@dataclass(frozen=True)
class Address:
    """A broker's host and TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def addresses(config: Mqtt) -> list[Address]:
    """Returns `mqtt.host`, then `mqtt.hosts`, whose port is `mqtt.port` unless they name one."""
    found = [Address(config.host, config.port)]
    for one in config.hosts:
        host, _, port = one.rpartition(":") if HAS_PORT.search(one) else (one, "", config.port)
        found.append(Address(host.strip("[]"), int(port)))
    return list(dict.fromkeys(found))


class _Versions:
    """The versions of MQTT to try with one broker; 5 is preferred."""

    def __init__(self, config: Mqtt) -> None:
        self._knows_5 = False
        self._too_old = 0 if config.protocol == 5 else SURE_AFTER

    def __iter__(self) -> Iterator[bool]:
        if self._too_old < SURE_AFTER:
            yield True
        if not self._knows_5:
            yield False

    def note(self, mqtt5: bool, outcome: Outcome) -> None:
        """Notes the outcome of an attempt."""
        if outcome is Outcome.OLDER and mqtt5:
            self._too_old = SURE_AFTER
        elif outcome is Outcome.LOST and mqtt5:
            self._knows_5, self._too_old = True, 0
        elif outcome is Outcome.LOST:
            self._too_old += 1


class Attempts:
    """The attempts of one round, after which to wait; the broker that worked last comes first."""

    def __init__(self, config: Mqtt) -> None:
        self._versions = {one: _Versions(config) for one in addresses(config)}
        self._order = list(self._versions)

    def __iter__(self) -> Iterator[tuple[Address, bool]]:
        """Yields a broker, and whether to speak MQTT 5; stop after a session."""
        for address in list(self._order):
            self._answered = False
            for mqtt5 in self._versions[address]:
                yield address, mqtt5
                if self._answered:
                    break

    def note(self, address: Address, mqtt5: bool, outcome: Outcome) -> None:
        """Notes the outcome of an attempt."""
        self._versions[address].note(mqtt5, outcome)
        self._answered = outcome not in {Outcome.UNANSWERED, Outcome.OLDER}
        if outcome is Outcome.LOST:
            self._order.remove(address)
            self._order.insert(0, address)
