"""The flow of examples/node-red, run if Node-RED is installed (NODE_RED or PATH)."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST, free_port
from tests.support.messages import messages
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
FLOW: list[dict[str, Any]] = json.loads((ROOT / "examples/node-red/flows.json").read_text())
NODE_RED = os.environ.get("NODE_RED") or shutil.which("node-red")
STARTED_S = 60.0


def test_every_wire_leads_to_a_node_and_every_topic_is_documented() -> None:
    ids = [node["id"] for node in FLOW]
    assert len(set(ids)) == len(ids)
    targets = {"the-broker", *(node["z"] for node in FLOW if "z" in node)}
    targets |= {end for node in FLOW for ends in node.get("wires", []) for end in ends}
    assert targets <= set(ids)
    documented = re.findall(r"^\| \[`D/([^`]+)`\]", (ROOT / "docs" / "mqtt.md").read_text(), re.M)
    used = {node["topic"] for node in FLOW if node["type"].startswith("mqtt ")}
    ours = {topic.split("/", 2)[2] for topic in used if topic.startswith("emotion/")}
    assert ours <= {topic.replace("<modality>", "+") for topic in documented}
    assert {"event", "health", "status", "+/status", "set/text", "set/pause"} <= ours


@contextmanager
def node_red(folder: Path, broker_port: int) -> Iterator[tuple[str, Path]]:
    """Runs the flow with this broker; yields the address of its editor and its log."""
    flow = [
        node | ({"port": str(broker_port), "broker": HOST} if node["type"] == "mqtt-broker" else {})
        for node in FLOW
    ]
    (folder / "flows.json").write_text(json.dumps(flow))
    port, log = free_port(), folder / "log"
    settings = f'module.exports = {{uiHost: "{HOST}", uiPort: {port}, flowFile: "flows.json"}};'
    (folder / "settings.js").write_text(settings)
    command = [str(NODE_RED), "--userDir", str(folder)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as it:
        try:
            wait_until(lambda: "Connected to broker" in log.read_text(), STARTED_S)
            yield f"http://{HOST}:{port}", log
        finally:
            it.terminate()


def _press(editor: str, node: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{editor}/inject/{node}", method="POST"))  # noqa: S310


def _event(name: str, phase: str, **data: Any) -> str:
    event: Any = messages()["event"]
    event["id"], event["source"] = name, f"emotion/{name}"
    event["data"] |= {"phase": phase, "emotion": "angry"} | data
    return json.dumps(event)


@pytest.mark.skipif(NODE_RED is None, reason="Node-RED is not installed")
def test_the_flow_greets_calls_staff_sends_texts_and_pauses(
    tmp_path: Path, broker: Mosquitto
) -> None:
    subscriber, actions = Subscriber(broker.port), Subscriber(broker.port, "actions")
    actions.client.subscribe("kiosk/#", qos=1)
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    mqtt = {"host": HOST, "port": broker.port, "device": "kiosk", "health_interval_s": 2.0}
    with (
        node_red(tmp_path, broker.port) as (editor, log),
        daemon(tmp_path, {"camera": clip, "microphone": {"enabled": False}, "mqtt": mqtt}),
    ):
        actions.until("kiosk/say", "It is good to see you smile.", 30)
        _press(editor, "says")
        subscriber.until("set/text", "I am so happy about this!")
        wait_until(lambda: "MB, " in log.read_text())
        assert "emotion/kiosk/face/status: ok" in log.read_text()
        _press(editor, "pause")
        subscriber.until("face/status", "off")
        for event in (
            _event("short", "start"),
            _event("old", "start", replayed=True),
            _event("long", "start"),
            _event("long", "update"),
            _event("short", "end"),
        ):
            subscriber.client.publish("emotion/x/event", event, 1)
        done = actions.until("kiosk/call", timeout_s=30)
        called = [payload for topic, payload in done if topic == "kiosk/call"]
        assert called == ["Somebody has been angry for five seconds at emotion/long."]
    for one in (subscriber, actions):
        one.close()
