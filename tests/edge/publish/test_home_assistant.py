"""The announcement against the rules of Home Assistant's MQTT integration.

The rules are those of homeassistant/components/mqtt (schemas.py, sensor.py, event.py, switch.py)
in its release 2025.1, where discovery of whole devices was new.
"""

import json
from typing import Any

import jinja2
import jsonschema
import msgspec
import pytest

from edge.config import HomeAssistant, Mqtt
from edge.emotions import EMOTIONS
from edge.publish.composer import Composer
from edge.publish.home_assistant import discovery, discovery_topic
from edge.tracking.episodes import Change
from tests.support.clock import FakeClock
from tests.support.messages import STATE, health

TOPIC = {"type": "string", "pattern": "^[^+#\\x00]+$", "maxLength": 65535}
TEXT = {"type": "string"}
COMMON = {
    "platform": TEXT,
    "unique_id": {"type": "string", "minLength": 1},
    "name": TEXT,
    "icon": {"type": "string", "pattern": "^mdi:"},
    "entity_category": {"enum": ["diagnostic", "config"]},
    "state_topic": TOPIC,
    "value_template": TEXT,
    "json_attributes_topic": TOPIC,
    "json_attributes_template": TEXT,
}
SENSOR = COMMON | {
    "device_class": {"enum": ["enum", "temperature", "data_size"]},
    "options": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT},
    "state_class": {"enum": ["measurement", "total", "total_increasing"]},
    "unit_of_measurement": TEXT,
}
EVENT = COMMON | {"event_types": {"type": "array", "minItems": 1, "items": TEXT}}
SWITCH = COMMON | {
    name: TOPIC if name == "command_topic" else TEXT
    for name in ("command_topic", "payload_on", "payload_off", "state_on", "state_off")
}


def _part(platform: str, keys: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "properties": keys | {"platform": {"const": platform}},
        "required": ["platform", "unique_id", *required],
        "additionalProperties": False,
    }


RULES = {
    "type": "object",
    "required": ["device", "origin", "components"],
    "additionalProperties": False,
    "properties": {
        "device": {
            "required": ["identifiers"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "minItems": 1, "items": TEXT},
                **dict.fromkeys(("name", "manufacturer", "model", "sw_version"), TEXT),
            },
        },
        "origin": {
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": TEXT,
                "sw_version": TEXT,
                "support_url": {"type": "string", "pattern": "^https?://"},
            },
        },
        "availability": {
            "type": "array",
            "items": {
                "required": ["topic"],
                "properties": {"topic": TOPIC},
                "additionalProperties": False,
            },
        },
        "qos": {"enum": [0, 1, 2]},
        "components": {
            "additionalProperties": {
                "oneOf": [
                    _part("sensor", SENSOR, "state_topic"),
                    _part("event", EVENT, "state_topic", "event_types"),
                    _part("switch", SWITCH, "command_topic"),
                ]
            }
        },
    },
}
CONFIG = Mqtt(device="kiosk", home_assistant=HomeAssistant(enabled=True))
COMPOSER = Composer("emotion/kiosk", FakeClock())


def _announced(config: Mqtt = CONFIG) -> Any:
    return json.loads(discovery(config))


@pytest.mark.parametrize("device", ["kiosk", "Küche 2.links", "a" * 128])
def test_the_announcement_keeps_home_assistants_rules(device: str) -> None:
    config = msgspec.structs.replace(CONFIG, device=device)
    announced = _announced(config)
    jsonschema.validate(announced, RULES)
    for part in announced["components"].values():
        if part.get("device_class") == "enum":
            assert part["options"]
            assert not part.keys() & {"state_class", "unit_of_measurement"}
        else:
            assert "options" not in part
    prefix, kind, name, config_ = discovery_topic(config).split("/")
    assert (prefix, kind, config_) == ("homeassistant", "device", "config")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    identities = [part["unique_id"] for part in announced["components"].values()]
    assert len(set(identities)) == len(identities)


def test_devices_whose_names_differ_in_other_letters_alone_are_two_devices() -> None:
    topics = {
        discovery_topic(msgspec.structs.replace(CONFIG, device=name))
        for name in ("a.b", "a b", "a_b")
    }
    assert len(topics) == 3


def test_every_template_finds_its_value_in_what_is_published() -> None:
    payloads = {
        "emotion/kiosk/state": msgspec.json.encode(COMPOSER.state(STATE, paused=True)),
        "emotion/kiosk/event": msgspec.json.encode(
            COMPOSER.event(Change("episode", 0, "start", STATE, 98.0))
        ),
        "emotion/kiosk/health": msgspec.json.encode(COMPOSER.health(health())),
        "emotion/kiosk/face/status": b"degraded: " + b"x" * 300,
        "emotion/kiosk/speech/status": b"ok",
        "emotion/kiosk/text/status": b"off",
    }
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701
    rendered = {}
    for key, part in _announced()["components"].items():
        payload = payloads[part["state_topic"]].decode()
        value_json = json.loads(payload) if payload.startswith("{") else None
        template = environment.from_string(part["value_template"])
        rendered[key] = template.render(value=payload, value_json=value_json)
    assert rendered["emotion"] == "happy"
    assert rendered["confidence"] == "80.0"
    assert rendered["pause"] == "on"
    assert rendered["speech_status"] == "ok"
    assert len(rendered["face_status"]) == 255
    assert rendered["reconnects"] == "1"
    event = json.loads(rendered["event"])
    assert (event["event_type"], event["emotion"]) == ("start", "happy")
    options = _announced()["components"]["emotion"]["options"]
    assert options == [*EMOTIONS, "unknown"]
