"""MQTT discovery for Home Assistant: announces the device and its entities."""

import hashlib
import random
import re
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from edge import __version__
from edge.config import Mqtt
from edge.emotions import EMOTIONS
from edge.values import MODALITIES

MAX_STATE_LENGTH = 255
"""Longest state that Home Assistant accepts, characters."""
SPREAD_S = 3.0
"""Period over which the devices of a fleet announce themselves after Home Assistant starts."""
FIELD = "{{{{ value_json.data.{} }}}}"
PERCENT = "{{{{ (value_json.data.{} * 100) | round(1) }}}}"
URL = "https://github.com/emotiond/emotiond"


class HomeAssistant:
    """Announces the device to Home Assistant, and again when Home Assistant has restarted.

    `retain` publishes a payload on a topic, retained.
    """

    def __init__(self, config: Mqtt, retain: Callable[[str, bytes], None]) -> None:
        self._retain, self._config = retain, config
        self._timer: threading.Timer | None = None
        enabled, prefix = config.home_assistant.enabled, config.home_assistant.prefix
        self.topics = [discovery_topic(config)] if enabled else []
        """The topic of the announcement, if there is one."""
        self.subscriptions = [f"{prefix}/status"] if enabled else []
        """Topics on which Home Assistant reports that it has started."""

    def announce(self) -> None:
        """Publishes the announcement."""
        for topic in self.topics:
            self._retain(topic, discovery(self._config))

    def announce_soon(self) -> None:
        """Publishes the announcement at a random moment within SPREAD_S."""
        if self._timer is not None and self._timer.is_alive():
            return
        self._timer = threading.Timer(random.uniform(0, SPREAD_S), self.announce)  # noqa: S311
        self._timer.daemon = True
        self._timer.start()


def discovery_topic(config: Mqtt) -> str:
    """Returns the topic of the announcement; an empty message there removes the device."""
    return f"{config.home_assistant.prefix}/device/{_id(config.device)}/config"


def discovery(config: Mqtt) -> bytes:
    """Returns the announcement, JSON: the device and its entities."""
    name = _id(config.device)
    parts = _entities(config.root) | _diagnostic_entities(config.root)
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
        "components": {key: part | {"unique_id": f"{name}_{key}"} for key, part in parts.items()},
    }
    return msgspec.json.encode(announcement)


def _entities(root: str) -> dict[str, dict[str, Any]]:
    state = f"{root}/state"
    return {
        "emotion": _sensor(state, "Emotion", FIELD.format("emotion"))
        | {
            "device_class": "enum",
            "options": [*EMOTIONS, "unknown"],
            "icon": "mdi:emoticon-outline",
            "json_attributes_topic": state,
            "json_attributes_template": "{{ value_json.data.probabilities | tojson }}",
        },
        "confidence": _figure(state, "Confidence", PERCENT.format("confidence"), "%"),
        "valence": _figure(state, "Valence", FIELD.format("valence")),
        "arousal": _figure(state, "Arousal", FIELD.format("arousal")),
        "faces": _figure(state, "Faces", FIELD.format("faces")),
        "event": {
            "platform": "event",
            "name": "Emotion event",
            "state_topic": f"{root}/event",
            "event_types": ["start", "update", "end"],
            "value_template": (
                "{{ dict(value_json.data, event_type=value_json.data.phase) | tojson }}"
            ),
        },
        "pause": {
            "platform": "switch",
            "name": "Pause",
            "icon": "mdi:pause",
            "command_topic": f"{root}/set/pause",
            "payload_on": "on",
            "payload_off": "off",
            "state_topic": state,
            "value_template": "{{ 'on' if value_json.data.paused else 'off' }}",
            "state_on": "on",
            "state_off": "off",
        },
    }


def _diagnostic_entities(root: str) -> dict[str, dict[str, Any]]:
    parts = {}
    for modality in MODALITIES:
        parts[f"{modality}_status"] = _diagnostic(
            _sensor(
                f"{root}/{modality}/status",
                f"{modality.capitalize()} status",
                f"{{{{ value[:{MAX_STATE_LENGTH}] }}}}",
            )
        )
    for key, title, field, more in (
        ("cpu", "CPU", "cpu_percent", {"unit_of_measurement": "%"}),
        ("memory", "Memory", "rss_mb", {"unit_of_measurement": "MB", "device_class": "data_size"}),
        (
            "temperature",
            "Temperature",
            "temperature_c",
            {"unit_of_measurement": "°C", "device_class": "temperature"},
        ),
        ("waiting", "Events waiting", "delivery.waiting", {}),
        ("dropped", "Events dropped", "delivery.dropped", {}),
        ("reconnects", "Reconnects", "delivery.reconnects", {}),
    ):
        parts[key] = _diagnostic(_figure(f"{root}/health", title, FIELD.format(field)) | more)
    return parts


def _sensor(topic: str, name: str, template: str) -> dict[str, Any]:
    return {"platform": "sensor", "name": name, "state_topic": topic, "value_template": template}


def _figure(topic: str, name: str, template: str, unit: str | None = None) -> dict[str, Any]:
    figure = _sensor(topic, name, template) | {"state_class": "measurement"}
    return figure | ({"unit_of_measurement": unit} if unit else {})


def _diagnostic(part: dict[str, Any]) -> dict[str, Any]:
    return part | {"entity_category": "diagnostic"}


def _id(device: str) -> str:
    """Returns the device's name in characters that Home Assistant allows, unique by a hash."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", device)
    if plain != device:
        plain += "_" + hashlib.sha256(device.encode()).hexdigest()[:8]
    return f"emotiond_{plain}"
