"""The add-on for Home Assistant: its configuration, and its start with a broker."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge import __version__
from edge.commands.demo.broker import HOST
from tests.support.servers import Answer, FileServer, file_server

ADDON = Path(__file__).parents[2] / "deploy" / "homeassistant-addon"
CONFIG: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text(encoding="utf-8"))
ARCHITECTURES = ["amd64", "aarch64"]
FLAG = {"type": "boolean"}
ELEMENT = (
    r"^(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password|int)(\(\d*,\d*\))?"
    r"|float(\([\d.]*,[\d.]*\))?|match\(.*\)|list\(.+\))\??$"
)
RULES: dict[str, Any] = {
    "type": "object",
    "required": ["name", "version", "slug", "description", "arch"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string", "pattern": r"^[A-Za-z0-9_.-]+$"},
        "slug": {"type": "string", "pattern": r"^[-_.A-Za-z0-9]+$"},
        "description": {"type": "string"},
        "url": {"type": "string", "pattern": "^https://"},
        "arch": {"type": "array", "items": {"enum": ARCHITECTURES}, "uniqueItems": True},
        "startup": {"enum": ["initialize", "system", "services", "application", "once"]},
        "boot": {"enum": ["auto", "manual", "manual_only"]},
        "stage": {"enum": ["stable", "experimental", "deprecated"]},
        "init": FLAG,
        "video": FLAG,
        "audio": FLAG,
        "tmpfs": FLAG,
        "services": {
            "type": "array",
            "items": {"pattern": "^(mqtt|mysql):(provide|want|need)$"},
        },
        "map": {"type": "array"},
        "backup": {"enum": ["hot", "cold"]},
        "timeout": {"type": "integer", "minimum": 10, "maximum": 300},
        "options": {"type": "object"},
        "schema": {"type": "object", "additionalProperties": {"pattern": ELEMENT}},
    },
}
"""Of the keys that the add-on uses, the rules of home-assistant/supervisor:
`_SCHEMA_ADDON_CONFIG` in supervisor/addons/validate.py and RE_SCHEMA_ELEMENT in options.py there
(October 2025). The Supervisor ignores unknown keys; here they are mistakes."""


def test_the_configuration_keeps_the_rules_of_the_supervisor() -> None:
    jsonschema.validate(CONFIG, RULES)
    assert CONFIG["version"] == __version__
    assert set(CONFIG["options"]) == set(CONFIG["schema"])
    build = yaml.safe_load((ADDON / "build.yaml").read_text(encoding="utf-8"))
    assert sorted(build["build_from"]) == sorted(CONFIG["arch"])
    assert all(image.endswith(f":{__version__}") for image in build["build_from"].values())


def test_the_options_have_the_types_that_they_promise_and_are_explained() -> None:
    types = {"bool": bool, "str": str, "match": str}
    for name, kind in CONFIG["schema"].items():
        value = CONFIG["options"][name]
        assert isinstance(value, types[kind.partition("(")[0]])
        if kind.startswith("match("):
            assert re.match(kind[len("match(") : -1], str(value))
        assert f"`{name}`" in (ADDON / "DOCS.md").read_text(encoding="utf-8")


def test_it_gets_no_rights_besides_camera_sound_and_broker() -> None:
    assert CONFIG["services"] == ["mqtt:need"]
    assert CONFIG["map"] == []
    granted = {key for key, value in CONFIG.items() if value is True}
    assert granted == {"video", "audio", "tmpfs"}


def _start(data: Path, server: FileServer) -> subprocess.Popen[str]:
    options = CONFIG["options"] | {"camera": False}
    (data / "options.json").write_text(json.dumps(options))
    command = [sys.executable, str(ADDON / "start.py"), str(data), server.address]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_it_uses_the_broker_that_the_supervisor_names_and_announces_the_device(
    tmp_path: Path, broker: Mosquitto
) -> None:
    subscriber = Subscriber(broker.port)
    subscriber.client.subscribe("homeassistant/#", qos=1)
    named = {"host": HOST, "port": broker.port, "ssl": False, "username": "u", "password": "p"}
    with file_server() as server:
        server.answers["/services/mqtt"] = Answer(json.dumps({"data": named}).encode())
        process = _start(tmp_path, server)
        try:
            topics = {
                topic for topic, _ in subscriber.until("homeassistant/device/emotiond_kiosk/config")
            }
            if "emotion/kiosk/status" not in topics:
                subscriber.until("emotion/kiosk/status", "online")
        finally:
            process.kill()
            process.communicate()
            subscriber.close()
    assert (tmp_path / "state").is_dir()


@pytest.mark.parametrize("answer", [Answer(status=400), Answer(b"{}"), Answer(b"no JSON")])
def test_without_a_broker_it_ends_with_what_to_do(tmp_path: Path, answer: Answer) -> None:
    with file_server() as server:
        server.answers["/services/mqtt"] = answer
        process = _start(tmp_path, server)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Home Assistant names no MQTT broker" in log
    assert "install the add-on Mosquitto broker" in log
