"""Settings and messages for publishers to a broker on this machine."""

from collections.abc import Callable
from typing import Any

from edge.commands.demo.broker import HOST
from edge.config import Backoff, Mqtt
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change, State
from tests.support.clock import FakeClock

Connect = Callable[..., Publisher]
UNKNOWN = State("unknown", None, 0, 0, 100.0)
COMPOSER = Composer("emotion/kiosk", FakeClock())


def mqtt_settings(port: int, **settings: Any) -> Mqtt:
    common: dict[str, Any] = {
        "device": "kiosk",
        "reconnect": Backoff(shortest_s=0.5, longest_s=1.0),
    }
    return Mqtt(host=HOST, port=port, **(common | settings))


def event(number: int) -> Change:
    return Change(f"episode {number}", 0, "start", UNKNOWN, 99.0)
