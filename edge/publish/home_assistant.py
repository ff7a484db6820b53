"""MQTT discovery for Home Assistant: announces the device and its entities."""

import hashlib
import random
import re
import threading
from collections.abc import Callable

import msgspec

from edge import __version__
from edge.config import Mqtt
from edge.publish.entities import Shown, components

SPREAD_S = 3.0
"""Period over which the devices of a fleet announce themselves after Home Assistant starts."""
URL = "https://github.com/emotiond/emotiond"


class HomeAssistant:
    """Announces the device to Home Assistant, and again when Home Assistant has restarted.

    `retain` publishes a payload on a topic, retained.
    """

    def __init__(self, config: Mqtt, shown: Shown, retain: Callable[[str, bytes], None]) -> None:
        self._retain, self._config, self._shown = retain, config, shown
        self.has_restarted = threading.Event()
        """Set when Home Assistant has started and knows the device again."""
        self._timer: threading.Timer | None = None
        enabled, prefix = config.home_assistant.enabled, config.home_assistant.prefix
        self.topics = [discovery_topic(config)] if enabled else []
        """The topic of the announcement, if there is one."""
        self.subscriptions = [f"{prefix}/status"] if enabled else []
        """Topics on which Home Assistant reports that it has started."""

    def announce(self) -> None:
        """Publishes the announcement."""
        for topic in self.topics:
            self._retain(topic, discovery(self._config, self._shown))

    def announce_soon(self) -> None:
        """Publishes the announcement at a random moment within SPREAD_S."""
        if self._timer is not None and self._timer.is_alive():
            return
        self._timer = threading.Timer(random.uniform(0, SPREAD_S), self._announce_again)  # noqa: S311
        self._timer.daemon = True
        self._timer.start()

    def _announce_again(self) -> None:
        self.announce()
        self.has_restarted.set()


def discovery_topic(config: Mqtt) -> str:
    """Returns the topic of the announcement; an empty message there removes the device."""
    return f"{config.home_assistant.prefix}/device/{_id(config.device)}/config"


def discovery(config: Mqtt, shown: Shown) -> bytes:
    """Returns the announcement, JSON: the device, its entities and its triggers."""
    name = _id(config.device)
    parts = components(config, shown)
    announcement = {
        "device": {
            "identifiers": [name],
            "name": config.home_assistant.name or f"emotiond {config.device}",
            "manufacturer": "emotiond",
            "model": "emotiond",
            "sw_version": __version__,
        },
        "origin": {"name": "emotiond", "sw_version": __version__, "support_url": URL},
        "availability": [{"topic": f"{config.root}/status"}],
        "qos": 1,
        "components": {
            key: part | ({"unique_id": f"{name}_{key}"} if "name" in part else {})
            for key, part in parts.items()
        },
    }
    return msgspec.json.encode(announcement)


def _id(device: str) -> str:
    """Returns the device's name in characters that Home Assistant allows, unique by a hash."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", device)
    if plain != device:
        plain += "_" + hashlib.sha256(device.encode()).hexdigest()[:8]
    return f"emotiond_{plain}"
