"""Entities and device triggers that a device has in Home Assistant."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from edge.config import Mqtt
from edge.emotions import EMOTIONS
from edge.values import MODALITIES

MAX_STATE_LENGTH = 255
"""Longest state that Home Assistant accepts, characters."""
FIELD = "{{{{ value_json.data.{} }}}}"
FIGURE = "{{{{ ({}) if value_json.data.probabilities else None }}}}"
"""A figure of the belief; Home Assistant takes `None` for unknown."""
UNLESS_PAUSED = "{{{{ None if value_json.data.paused else {} }}}}"
IF_NEW = "{{% if {} %}}{}{{% endif %}}"
PHASES = {"start": "started", "end": "ended"}
MEASUREMENT = {"state_class": "measurement"}
COUNTER = {"state_class": "total_increasing"}


@dataclass(frozen=True)
class Shown:
    """The parts of a device that have entities."""

    modalities: Collection[str] = MODALITIES
    has_temperature: bool = True


def components(config: Mqtt, shown: Shown) -> dict[str, dict[str, Any]]:
    """Returns all components of the announcement by key; those not shown have only a platform.

    That removes what an earlier announcement had.
    """
    root = config.root
    parts = _belief(root) | _events(root, config.home_assistant.replayed) | _diagnostics(root)
    for modality in MODALITIES:
        parts |= _modality(root, modality)
    hidden = {f"{one}_{end}" for one in MODALITIES for end in ("status", "problem")}
    hidden -= {f"{one}_{end}" for one in shown.modalities for end in ("status", "problem")}
    hidden |= set() if "face" in shown.modalities else {"faces", "occupancy"}
    hidden |= set() if "text" in shown.modalities else {"text"}
    hidden |= set() if shown.has_temperature else {"temperature"}
    return {
        key: {"platform": part["platform"]} if key in hidden else part
        for key, part in parts.items()
    }


def _belief(root: str) -> dict[str, dict[str, Any]]:
    state = f"{root}/state"
    percent = FIGURE.format("(value_json.data.confidence * 100) | round(1)")
    return {
        "emotion": _sensor(state, "Emotion", FIELD.format("emotion"), "mdi:emoticon-outline")
        | {
            "device_class": "enum",
            "options": [*EMOTIONS, "unknown"],
            "json_attributes_topic": state,
            "json_attributes_template": "{{ value_json.data.probabilities | tojson }}",
        },
        "confidence": _sensor(state, "Confidence", percent, "mdi:gauge")
        | MEASUREMENT
        | {"unit_of_measurement": "%"},
        "valence": _sensor(
            state, "Valence", FIGURE.format("value_json.data.valence"), "mdi:thumbs-up-down-outline"
        )
        | MEASUREMENT,
        "arousal": _sensor(
            state, "Arousal", FIGURE.format("value_json.data.arousal"), "mdi:lightning-bolt-outline"
        )
        | MEASUREMENT,
        "faces": _sensor(
            state,
            "Faces",
            UNLESS_PAUSED.format("value_json.data.faces"),
            "mdi:account-multiple-outline",
        )
        | MEASUREMENT,
        "occupancy": {
            "platform": "binary_sensor",
            "name": "Occupancy",
            "device_class": "occupancy",
            "state_topic": state,
            "value_template": UNLESS_PAUSED.format("'ON' if value_json.data.faces > 0 else 'OFF'"),
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
        "text": {
            "platform": "notify",
            "name": "Text",
            "icon": "mdi:message-text-outline",
            "command_topic": f"{root}/set/text",
        },
    }


def _events(root: str, replayed: bool) -> dict[str, dict[str, Any]]:
    """Returns the event entity and the triggers; events of an outage fire only if `replayed`."""
    topic = f"{root}/event"
    kind = (
        "value_json.data.emotion ~ ('_started' if value_json.data.phase == 'start' else '_ended')"
    )
    condition = "value_json.data.phase != 'update'"
    if not replayed:
        condition += " and not value_json.data.replayed"
    whole = f"{{{{ dict(value_json.data, event_type={kind}) | tojson }}}}"
    parts: dict[str, dict[str, Any]] = {
        "event": {
            "platform": "event",
            "name": "Emotion event",
            "icon": "mdi:emoticon-outline",
            "state_topic": topic,
            "event_types": [
                f"{emotion}_{phase}" for emotion in EMOTIONS for phase in PHASES.values()
            ],
            "value_template": IF_NEW.format(condition, whole),
        }
    }
    for emotion in EMOTIONS:
        for phase in PHASES.values():
            parts[f"{emotion}_{phase}"] = {
                "platform": "device_automation",
                "automation_type": "trigger",
                "topic": topic,
                "type": phase,
                "subtype": emotion,
                "payload": f"{emotion}_{phase}",
                "value_template": IF_NEW.format(condition, f"{{{{ {kind} }}}}"),
            }
    return parts


def _modality(root: str, modality: str) -> dict[str, dict[str, Any]]:
    topic, title = f"{root}/{modality}/status", modality.capitalize()
    status = _sensor(
        topic, f"{title} status", f"{{{{ value[:{MAX_STATE_LENGTH}] }}}}", "mdi:list-status"
    )
    problem = {
        "platform": "binary_sensor",
        "name": f"{title} problem",
        "device_class": "problem",
        "state_topic": topic,
        "value_template": "{{ 'ON' if value.startswith('degraded') else 'OFF' }}",
    }
    return {
        f"{modality}_status": _diagnostic(status),
        f"{modality}_problem": _diagnostic(problem),
    }


def _diagnostics(root: str) -> dict[str, dict[str, Any]]:
    figures: tuple[tuple[str, str, str, str, dict[str, str]], ...] = (
        ("cpu", "CPU", "cpu_percent", "mdi:chip", MEASUREMENT | {"unit_of_measurement": "%"}),
        (
            "memory",
            "Memory",
            "rss_mb",
            "mdi:memory",
            MEASUREMENT | {"unit_of_measurement": "MB", "device_class": "data_size"},
        ),
        (
            "temperature",
            "Temperature",
            "temperature_c",
            "mdi:thermometer",
            MEASUREMENT | {"unit_of_measurement": "°C", "device_class": "temperature"},
        ),
        ("waiting", "Events waiting", "delivery.waiting", "mdi:tray-full", MEASUREMENT),
        ("dropped", "Events dropped", "delivery.dropped", "mdi:tray-remove", COUNTER),
        ("reconnects", "Reconnects", "delivery.reconnects", "mdi:lan-connect", COUNTER),
    )
    return {
        key: _diagnostic(_sensor(f"{root}/health", title, FIELD.format(field), icon) | more)
        for key, title, field, icon, more in figures
    }


def _sensor(topic: str, name: str, template: str, icon: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": name,
        "icon": icon,
        "state_topic": topic,
        "value_template": template,
    }


def _diagnostic(part: dict[str, Any]) -> dict[str, Any]:
    return part | {"entity_category": "diagnostic"}
