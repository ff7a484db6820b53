"""The device in a real Home Assistant.

EMOTIOND_HASS is the path of `hass`; without it, one on the PATH is taken. It was run with releases
2025.4.4 and 2026.2.3 (`pip install homeassistant home-assistant-frontend home-assistant-intents
paho-mqtt numpy PyTurboJPEG ha-ffmpeg mutagen` in an environment of Python 3.13).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from tests.support.daemon_settings import OFF, daemon_settings

HASS = os.environ.get("EMOTIOND_HASS") or shutil.which("hass")
pytestmark = pytest.mark.skipif(HASS is None, reason="needs Home Assistant: see the module")
STATES = """
{% set found = namespace(all={}) %}{% for one in states if 'emotiond_kiosk' in one.entity_id %}
{% set found.all = dict(found.all, **{one.entity_id: dict(one.attributes, state=one.state)}) %}
{% endfor %}{{ found.all | tojson }}"""
TRIGGER = "{{ trigger.to_state.attributes.event_type if trigger.to_state else 'x' }}"
CONFIGURATION = {
    "automation": [
        {
            "alias": "answer",
            "triggers": [{"trigger": "mqtt", "topic": "ask"}],
            "actions": [{"action": "mqtt.publish", "data": {"topic": "answer", "payload": STATES}}],
        },
        {
            "alias": "fire",
            "triggers": [{"trigger": "state", "entity_id": "event.emotiond_kiosk_emotion_event"}],
            "actions": [{"action": "mqtt.publish", "data": {"topic": "fired", "payload": TRIGGER}}],
        },
    ]
}


@pytest.fixture
def home(tmp_path: Path, broker: Mosquitto) -> Iterator[Subscriber]:
    """A subscriber beside a Home Assistant that has started."""
    folder = tmp_path / "home"
    (folder / ".storage").mkdir(parents=True)
    (folder / "configuration.yaml").write_text(yaml.safe_dump(CONFIGURATION))
    moment = "2025-01-01T00:00:00+00:00"
    entry = {
        **{"entry_id": "mqtt", "version": 1, "minor_version": 2, "domain": "mqtt"},
        **{"title": "mqtt", "data": {"broker": HOST, "port": broker.port}, "options": {}},
        **{"source": "user", "unique_id": None, "disabled_by": None, "discovery_keys": {}},
        **{"pref_disable_new_entities": False, "pref_disable_polling": False},
        **{"created_at": moment, "modified_at": moment},
    }
    entries = {"version": 1, "minor_version": 1, "key": "core.config_entries"}
    entries |= {"data": {"entries": [entry]}}
    (folder / ".storage" / "core.config_entries").write_text(json.dumps(entries))
    subscriber = Subscriber(broker.port)
    subscriber.client.subscribe([("answer", 1), ("fired", 1), ("homeassistant/status", 1)])
    with (tmp_path / "home.log").open("w") as log:
        assert HASS is not None
        command = [HASS, "--config", str(folder), "--skip-pip"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            subscriber.until("homeassistant/status", "online", timeout_s=120)
            yield subscriber
        finally:
            process.terminate()
            process.wait(30)
            subscriber.close()
    assert "emotiond" not in (tmp_path / "home.log").read_text()  # no warning about our discovery


def _entities(home: Subscriber) -> dict[str, Any]:
    home.client.publish("ask", "?", qos=1)
    entities: dict[str, Any] = json.loads(home.until("answer")[-1][1])
    return {name: one for name, one in entities.items() if "emotiond_kiosk" in name}


def test_home_assistant_shows_what_the_device_has_and_fires_its_events(
    tmp_path: Path, broker: Mosquitto, home: Subscriber
) -> None:
    settings = daemon_settings(broker.port)
    settings["mqtt"] |= {"home_assistant": {"enabled": True}, "health_interval_s": 1.0}
    with daemon(tmp_path, settings | {"camera": OFF}, stderr=subprocess.DEVNULL):
        home.until("kiosk/health")
        home.until("kiosk/health")
        before = _entities(home)
        home.client.publish("emotion/kiosk/set/text", "I am so happy about this!", qos=1)
        fired = home.until("fired", timeout_s=20)[-1][1]
        during = _entities(home)
    assert fired == "happy_started"
    assert before["sensor.emotiond_kiosk_confidence"]["state"] == "unknown"
    assert before["binary_sensor.emotiond_kiosk_text_problem"]["state"] == "off"
    assert during["sensor.emotiond_kiosk_emotion"]["state"] == "happy"
    assert float(during["sensor.emotiond_kiosk_confidence"]["state"]) > 50
    assert during["event.emotiond_kiosk_emotion_event"]["event_type"] == "happy_started"
    assert "notify.emotiond_kiosk_text" in during
    counter = during["sensor.emotiond_kiosk_reconnects"]
    assert (counter["state"], counter["state_class"]) == ("0", "total_increasing")
    camera = {name for name in during if any(part in name for part in ("face", "occupancy"))}
    assert camera == set()
