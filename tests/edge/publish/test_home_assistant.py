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
from edge.publish.entities import Shown
from edge.publish.home_assistant import discovery, discovery_topic
from edge.tracking.episodes import Change, Phase
from tests.support.clock import FakeClock
from tests.support.messages import STATE, health
from tests.support.publishing import UNKNOWN

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
BINARY = COMMON | {"device_class": {"enum": ["occupancy", "problem"]}}
NOTIFY = COMMON | {"command_topic": TOPIC}
TRIGGER = {
    name: TOPIC if name == "topic" else TEXT
    for name in ("automation_type", "payload", "subtype", "topic", "type", "value_template")
}
SWITCH = COMMON | {
    name: TOPIC if name == "command_topic" else TEXT
    for name in ("command_topic", "payload_on", "payload_off", "state_on", "state_off")
}


def _part(platform: str, keys: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "properties": keys | {"platform": {"const": platform}},
        "required": ["platform", *required],
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
                    _part("sensor", SENSOR, "unique_id", "state_topic"),
                    _part("binary_sensor", BINARY, "unique_id", "state_topic"),
                    _part("event", EVENT, "unique_id", "state_topic", "event_types"),
                    _part("switch", SWITCH, "unique_id", "command_topic"),
                    _part("notify", NOTIFY, "unique_id", "command_topic"),
                    _part("device_automation", TRIGGER, "automation_type", "topic", "type"),
                ]
            }
        },
    },
}
CONFIG = Mqtt(device="kiosk", home_assistant=HomeAssistant(enabled=True))
COMPOSER = Composer("emotion/kiosk", FakeClock())


def _announced(config: Mqtt = CONFIG) -> Any:
    return json.loads(discovery(config, Shown()))


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
    parts = announced["components"].values()
    identities = [one["unique_id"] for one in parts if one["platform"] != "device_automation"]
    assert len(set(identities)) == len(identities)


def test_devices_whose_names_differ_in_other_letters_alone_are_two_devices() -> None:
    topics = {
        discovery_topic(msgspec.structs.replace(CONFIG, device=name))
        for name in ("a.b", "a b", "a_b")
    }
    assert len(topics) == 3


def _rendered(payloads: dict[str, bytes], config: Mqtt = CONFIG) -> dict[str, str]:
    """Returns what Home Assistant makes of messages, by component."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701
    rendered = {}
    for key, part in _announced(config)["components"].items():
        topic = part.get("state_topic") or part.get("topic")
        if topic in payloads:
            payload = payloads[topic].decode()
            value_json = json.loads(payload) if payload.startswith("{") else None
            template = environment.from_string(part["value_template"])
            rendered[key] = template.render(value=payload, value_json=value_json)
    return rendered


def _event(phase: Phase, **changes: Any) -> bytes:
    event = COMPOSER.event(Change("episode", 0, phase, STATE, 98.0))
    data = msgspec.structs.replace(event.data, **changes)
    return msgspec.json.encode(msgspec.structs.replace(event, data=data))


def test_every_template_finds_its_value_in_what_is_published() -> None:
    rendered = _rendered(
        {
            "emotion/kiosk/state": msgspec.json.encode(COMPOSER.state(STATE)),
            "emotion/kiosk/event": _event("start"),
            "emotion/kiosk/health": msgspec.json.encode(COMPOSER.health(health())),
            "emotion/kiosk/face/status": b"degraded: " + b"x" * 300,
            "emotion/kiosk/speech/status": b"ok",
            "emotion/kiosk/text/status": b"off",
        }
    )
    assert (rendered["emotion"], rendered["confidence"]) == ("happy", "80.0")
    assert (rendered["faces"], rendered["occupancy"], rendered["pause"]) == ("1", "ON", "off")
    assert (rendered["face_problem"], rendered["speech_problem"]) == ("ON", "OFF")
    assert rendered["speech_status"] == "ok"
    assert len(rendered["face_status"]) == 255
    assert rendered["reconnects"] == "1"
    options = _announced()["components"]["emotion"]["options"]
    assert options == [*EMOTIONS, "unknown"]


def test_figures_are_unknown_while_nobody_is_there_or_nothing_is_read() -> None:
    nobody = {"emotion/kiosk/state": msgspec.json.encode(COMPOSER.state(UNKNOWN))}
    rendered = _rendered(nobody)
    assert {rendered[key] for key in ("confidence", "valence", "arousal")} == {"None"}
    assert (rendered["faces"], rendered["occupancy"]) == ("0", "OFF")
    paused = {"emotion/kiosk/state": msgspec.json.encode(COMPOSER.state(UNKNOWN, paused=True))}
    rendered = _rendered(paused)
    assert (rendered["faces"], rendered["occupancy"], rendered["pause"]) == ("None", "None", "on")


def test_events_are_named_by_emotion_and_those_of_an_outage_fire_only_if_configured() -> None:
    topic = "emotion/kiosk/event"
    started = _rendered({topic: _event("start")})
    assert json.loads(started["event"])["event_type"] == started["happy_started"] == "happy_started"
    assert json.loads(_rendered({topic: _event("end")})["event"])["event_type"] == "happy_ended"
    assert _rendered({topic: _event("update")})["event"] == ""
    late = {topic: _event("start", replayed=True)}
    assert (_rendered(late)["event"], _rendered(late)["happy_started"]) == ("", "")
    wanted = HomeAssistant(enabled=True, replayed=True)
    config = msgspec.structs.replace(CONFIG, home_assistant=wanted)
    assert _rendered(late, config)["happy_started"] == "happy_started"
    types = _announced()["components"]["event"]["event_types"]
    triggers = [
        part["payload"]
        for part in _announced()["components"].values()
        if part["platform"] == "device_automation"
    ]
    assert types == triggers == [f"{one}_{end}" for one in EMOTIONS for end in ("started", "ended")]


def test_what_the_device_does_not_have_is_removed() -> None:
    shown = Shown(modalities=["speech"], has_temperature=False)
    parts = json.loads(discovery(CONFIG, shown))["components"]
    removed = {key: part for key, part in parts.items() if set(part) == {"platform"}}
    assert removed == {
        "faces": {"platform": "sensor"},
        "occupancy": {"platform": "binary_sensor"},
        "text": {"platform": "notify"},
        "temperature": {"platform": "sensor"},
        "face_status": {"platform": "sensor"},
        "face_problem": {"platform": "binary_sensor"},
        "text_status": {"platform": "sensor"},
        "text_problem": {"platform": "binary_sensor"},
    }
