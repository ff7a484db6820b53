"""Devices on a real broker: the view, the stream, the pause."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import urllib3
from paho.mqtt.enums import CallbackAPIVersion
from selenium.webdriver import Chrome

from benchmarks.harness.browser import DRIVER, browser
from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from edge.commands.demo.broker import HOST
from edge.config import Config, Mqtt
from edge.web.devices import MAX_EVENTS, MAX_MODALITIES
from edge.web.settings import Limits
from edge.web.snapshot import PART_BYTES, snapshot
from tests.support.messages import messages
from tests.support.pages import Page
from tests.support.waiting import wait_until
from tests.support.web import Site, site

needs_browser = pytest.mark.skipif(DRIVER is None, reason="Ubuntu has no package of chromedriver")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("browser")) as chrome:
        yield chrome


def config(port: int, **settings: Any) -> Config:
    return Config(mqtt=Mqtt(host=HOST, port=port, **settings))


@pytest.fixture
def web(broker: Mosquitto) -> Iterator[Site]:
    with site(config=config(broker.port)) as running:
        wait_until(lambda: running.server.devices.broker.connected)
        yield running


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


@needs_browser
def test_a_device_is_followed_paused_and_lost(
    chromium: Chrome, web: Site, broker: Mosquitto, tmp_path: Path
) -> None:
    page = Page(chromium, web.url)
    page.open("#devices")
    page.until_text(".empty", "No devices yet")
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    mqtt = {"host": HOST, "port": broker.port, "device": "kiosk", "health_interval_s": 1}
    settings = {"camera": clip, "microphone": {"enabled": False}, "mqtt": mqtt}
    with daemon(tmp_path, settings) as process:
        page.until_text(".device", "Happy")
        assert page.text(".broker").endswith("1 of 1 online")
        assert page.violations == []
        page.open("#devices/kiosk")
        page.until_text(".now-name", "Happy")
        page.until_text(".facts", "Face\nok")
        page.until(lambda: "Happy" in page.texts(".probabilities li")[3])
        assert page.json("document.querySelector('.probabilities .track').offsetWidth") > 0
        page.until(lambda: "MB" in " ".join(page.texts(".facts")))
        page.until(lambda: page.attribute(".detail .timeline", "aria-label") != "")
        assert page.violations == []
        page.press("Pause")
        page.until_text(".device-state", "paused")
        page.until_text(".facts", "Face\noff")
        page.press("Resume")
        page.until_text(".device-state", "online")
        process.kill()
        page.until_text(".device-state", "offline")
    assert page.complaints == []


@needs_browser
def test_what_a_device_says_is_shown_as_text(
    chromium: Chrome, web: Site, device: paho.Client
) -> None:
    hostile = "<img src=x onerror=alert(1)>" + "a" * 60
    device.publish(f"emotion/{hostile}/status", "online", 1, retain=True)
    device.publish(f"emotion/{hostile}/face/status", f"degraded: {hostile}", 1, retain=True)
    page = Page(chromium, web.url)
    page.open("#devices")
    page.until_text(".device-problem", f"face: {hostile}")
    device.publish(f"emotion/{hostile}/posture/status", "degraded: asleep", 1)
    page.until_text(".device-problem", "posture: asleep")
    assert page.text(".device strong") == hostile
    assert page.find(".device img") is None
    page.resize(390, 844)
    page.until(lambda: page.overflow_px == 0)
    page.resize(1440, 900)


@needs_browser
def test_a_broker_that_is_away_is_explained_and_its_return_seen(
    chromium: Chrome, stopped_broker: Mosquitto
) -> None:
    with site(config=config(stopped_broker.port)) as web:
        page = Page(chromium, web.url)
        page.open("#devices")
        page.until_text(".empty", "The broker cannot be reached")
        assert "Connection refused" in page.text(".empty")
        stopped_broker.start()
        page.until_text(".broker", "0 of 0 online")
        page.until_text(".empty", "No devices yet")


@needs_browser
def test_a_hundred_devices_are_listed_found_and_followed_without_loss(
    chromium: Chrome, web: Site, device: paho.Client
) -> None:
    names = [f"kiosk-{number:03d}" for number in range(100)]
    for name in names:
        device.publish(f"emotion/{name}/status", "online", 1, retain=True)
        for modality in ("face", "speech", "text"):
            device.publish(f"emotion/{name}/{modality}/status", "a" * 1000, 1, retain=True)
    wait_until(lambda: "text" in web.get(f"/api/devices/{names[-1]}").json.get("modalities", ()))
    page = Page(chromium, web.url)
    page.open("#devices")  # they come in two parts
    page.until_text(".broker", "100 of 100 online")
    assert page.texts(".device strong") == names
    received = int(page.attribute(".devices", "data-received") or 0)
    state = messages()["state"]
    for emotion in ("sad", "angry", "happy"):
        state["data"]["emotion"] = emotion
        for name in names:
            device.publish(f"emotion/{name}/state", json.dumps(state), 1)
    page.until(lambda: int(page.attribute(".devices", "data-received") or 0) == received + 300)
    page.until(lambda: all("Happy" in one for one in page.texts(".device")))
    page.write("#search", "-042")
    page.until(lambda: page.texts("li:not([hidden]) > .device strong") == ["kiosk-042"])


@needs_browser
def test_events_are_shown_whatever_view_was_open_when_they_came(
    chromium: Chrome, web: Site, device: paho.Client
) -> None:
    def publish(number: int, phase: str) -> None:
        event = messages()["event"]
        event |= {"id": f"episode {number}", "time": f"2026-11-29T10:00:{number:02d}.000Z"}
        event["data"] |= {"phase": phase, "duration_s": 2.5}
        device.publish("emotion/kiosk/event", json.dumps(event), 1)

    def shown() -> list[str]:
        return [one.splitlines()[2] for one in page.texts(".events li")]

    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").status == 200)  # it has subscribed
    publish(1, "start")
    wait_until(lambda: len(web.get("/api/devices/kiosk").json.get("events", ())) == 1)
    page = Page(chromium, web.url)
    page.open("#devices/kiosk")
    page.until(lambda: shown() == ["started"])
    publish(2, "start")
    page.until(lambda: shown() == ["started", "started"])
    page.press("Files")
    page.until_text("h1", "Files")
    publish(1, "end")
    wait_until(lambda: web.get("/api/devices/kiosk").json["events"][0]["phase"] == "end")
    page.open("#devices/kiosk")
    page.until(lambda: shown() == ["ended after 2.5 s", "started"])
    assert [one.endswith("%") for one in page.texts(".events li")] == [False, True]
    for number in range(3, 40):
        publish(number, "start")
    page.until(lambda: len(shown()) == MAX_EVENTS)
    wait_until(lambda: web.get("/api/devices/kiosk").json["events"][0]["id"] == "episode 39")
    assert len(web.get("/api/devices/kiosk").json["events"]) == MAX_EVENTS


def test_devices_are_listed_with_what_they_published(web: Site, device: paho.Client) -> None:
    assert web.get("/api/devices/kiosk").status == 404
    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    device.publish("emotion/kiosk/face/status", "degraded: no camera", 1, retain=True)
    for name in ("state", "info", "health"):
        device.publish(f"emotion/kiosk/{name}", json.dumps(messages()[name]), 1)
    device.publish("emotion/kiosk/state", b"rubbish", 1)
    device.publish("emotion/kiosk/state", b"[" * 60_000, 1)
    device.publish("emotion/kiosk/set/text", "a secret of somebody", 1)
    wait_until(lambda: web.get("/api/devices").json["devices"] != [])
    wait_until(lambda: web.get("/api/devices/kiosk").json["health"] is not None)
    kiosk = web.get("/api/devices/kiosk").json
    assert (kiosk["status"], kiosk["modalities"]) == ("online", {"face": "degraded: no camera"})
    assert kiosk["state"] == messages()["state"]["data"]
    assert kiosk["history"][-1][1] == kiosk["state"]["emotion"]
    assert "a secret" not in web.get("/api/devices").body.decode()
    metrics = web.get("/metrics").body.decode()
    assert 'emotiond_web_device_online{device="kiosk"} 1' in metrics


def test_every_message_is_streamed_after_a_snapshot(web: Site, device: paho.Client) -> None:
    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    wait_until(lambda: web.get("/api/devices").json["devices"] != [])
    with urllib3.PoolManager() as pool:
        stream = pool.request("GET", f"{web.url}/api/events", preload_content=False, timeout=10)
        lines = iter(stream)
        assert next(lines) == b"event: devices\n"
        assert json.loads(next(lines)[6:])["devices"][0]["device"] == "kiosk"
        for number in range(200):
            device.publish("emotion/kiosk/face/status", f"degraded: {number}", 1)
        found: list[str] = []
        while len(found) < 200:
            line = next(lines)
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:])["payload"])
        stream.close()
    assert found == [f"degraded: {number}" for number in range(200)]
    wait_until(lambda: web.server.hub.listeners == 0)


def test_many_devices_come_in_parts_and_messages_between_them(
    web: Site, device: paho.Client
) -> None:
    names = [f"kiosk-{number:03d}" for number in range(40)]
    for name in names:
        for modality in range(MAX_MODALITIES):
            device.publish(f"emotion/{name}/m{modality}/status", "a" * 1000, 1)
    wait_until(lambda: len(web.server.devices.online()) == len(names))
    last = names[-1]
    wait_until(lambda: len(web.get(f"/api/devices/{last}").json["modalities"]) == MAX_MODALITIES)
    parts = snapshot(web.server.devices)
    seen = [next(parts)]
    device.publish(f"emotion/{last}/status", "online", 1)
    device.publish(f"emotion/{names[-2]}/status", "online", 1)
    device.publish(f"emotion/{names[-2]}/status", b"", 1, retain=True)
    wait_until(lambda: list(web.server.devices.online()) == [*names[:-2], last])
    seen += parts
    assert max(map(len, seen)) < PART_BYTES + 20_000
    content = [json.loads(part.split(b"data: ")[1]) for part in seen]
    assert [part["more"] for part in content] == [True] * (len(seen) - 1) + [False]
    listed = [one for part in content for one in part["devices"]]
    assert [one["device"] for one in listed] == [*names[:-2], last]
    assert listed[-1]["status"] == "online"  # as it is when its part is made


def test_more_listeners_than_allowed_are_told_to_come_back(broker: Mosquitto) -> None:
    with site(Limits(listeners=0), config=config(broker.port)) as web:
        refused = web.get("/api/events")
        assert (refused.status, "close one" in refused.error) == (429, True)


@needs_browser
def test_devices_are_followed_again_after_the_server_refused_and_was_restarted(
    chromium: Chrome, broker: Mosquitto
) -> None:
    with site(Limits(listeners=0), config=config(broker.port)) as full:
        page = Page(chromium, full.url)
        page.open("#devices")
        page.until_text(".broker", "No connection to the server; trying again")
    with site(port=full.port, config=config(broker.port)):
        page.until_text(".broker", "0 of 0 online")


def test_a_pause_reaches_the_device_or_the_refusal_the_page(
    web: Site, broker: Mosquitto, device: paho.Client
) -> None:
    asked: list[tuple[str, bytes]] = []
    device.on_message = lambda _c, _u, one: asked.append((one.topic, bytes(one.payload)))
    device.subscribe("emotion/+/set/pause", 1)
    unknown = web.post("/api/devices/kiosk/pause", {"paused": True})
    assert (unknown.status, "no device of this name" in unknown.error) == (404, True)
    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").status == 200)
    assert web.post("/api/devices/kiosk/pause", {"paused": True}).status == 202
    wait_until(lambda: asked == [("emotion/kiosk/set/pause", b"on")])
    assert web.post("/api/devices/kiosk/pause", {"paused": "maybe"}).status == 422
    broker.stop()
    wait_until(lambda: not web.server.devices.broker.connected)
    away = web.post("/api/devices/kiosk/pause", {"paused": False})
    assert (away.status, "broker" in away.error) == (503, True)


def test_a_pause_that_the_broker_forbids_is_explained(guarded: Mosquitto, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("robot's")
    device = paho.Client(CallbackAPIVersion.VERSION2)
    listener = tmp_path / "listener"
    listener.write_text("listener's")
    settings = config(guarded.port, username="listener", password_file=str(listener))
    with site(config=settings) as web:
        device.username_pw_set("robot", "robot's")
        device.connect(HOST, guarded.port)
        device.loop_start()
        device.publish("emotion/robot/status", "online", 1, retain=True)
        wait_until(lambda: web.get("/api/devices/robot").status == 200)
        assert web.post("/api/devices/robot/pause", {"paused": True}).status == 202
        device.disconnect()
        device.loop_stop()
    reader = config(guarded.port, username="robot", password_file=str(secret))
    with site(config=reader) as web:
        wait_until(lambda: web.get("/api/devices/robot").status == 200)
        refused = web.post("/api/devices/robot/pause", {"paused": True})
        assert (refused.status, "the broker refuses it" in refused.error) == (403, True)


def test_asking_for_the_head_of_the_stream_does_not_open_it(web: Site) -> None:
    head = web.request("HEAD", "/api/events")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"].startswith("text/event-stream")
    assert web.server.hub.listeners == 0


def test_a_device_that_is_removed_from_the_broker_is_forgotten(
    web: Site, device: paho.Client
) -> None:
    for name in ("status", "face/status"):
        device.publish(f"emotion/kiosk/{name}", "online", 1, retain=True)
    device.publish("emotion/kiosk/state", json.dumps(messages()["state"]), 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").json.get("state") is not None)
    device.publish("emotion/kiosk/state", b"", 1, retain=True)
    device.publish("emotion/kiosk/face/status", b"", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").json["modalities"] == {})
    assert web.get("/api/devices/kiosk").json["state"] is None
    device.publish("emotion/kiosk/status", b"", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").status == 404)
    device.publish("emotion/kiosk/state", b"", 1, retain=True)
    device.publish("emotion/other/status", "online", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/other").status == 200)
    assert [one["device"] for one in web.get("/api/devices").json["devices"]] == ["other"]


@needs_browser
def test_a_device_that_is_removed_leaves_the_page(
    chromium: Chrome, web: Site, device: paho.Client
) -> None:
    for name in ("kiosk", "robot"):
        device.publish(f"emotion/{name}/status", "online", 1, retain=True)
    page = Page(chromium, web.url)
    page.open("#devices")
    page.until(lambda: page.texts(".device strong") == ["kiosk", "robot"])
    device.publish("emotion/kiosk/status", b"", 1, retain=True)
    page.until(lambda: page.texts(".device strong") == ["robot"])


def test_a_retained_state_is_in_the_history_at_its_own_time_or_not_at_all(
    broker: Mosquitto, device: paho.Client
) -> None:
    now = datetime.now(timezone.utc)
    for name, age_s in {"recent": 600, "old": 2 * 3600}.items():
        state = messages()["state"]
        moment = now - timedelta(seconds=age_s)
        state["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sent = device.publish(f"emotion/{name}/state", json.dumps(state), 1, retain=True)
        sent.wait_for_publish(10)
    with site(config=config(broker.port)) as web:
        wait_until(lambda: len(web.get("/api/devices").json["devices"]) == 2)
        recent, old = (web.get(f"/api/devices/{name}").json for name in ("recent", "old"))
    assert old["history"] == []
    assert old["state"] is not None
    ((time_s, *_),) = recent["history"]
    assert abs(time_s - (now.timestamp() - 600)) < 1


def test_a_hostile_device_cannot_fill_the_memory(web: Site, device: paho.Client) -> None:
    for number in range(2 * MAX_MODALITIES):
        device.publish(f"emotion/kiosk/m{number}/status", "ok", 1)
    device.publish(f"emotion/{'a' * 2000}/status", "online", 1)
    device.publish("emotion/kiosk/status", "online", 1)
    wait_until(lambda: web.get("/api/devices/kiosk").json.get("status") == "online")
    (kiosk,) = web.get("/api/devices").json["devices"]
    assert len(kiosk["modalities"]) == MAX_MODALITIES


def test_a_pause_at_which_the_broker_is_silent_is_given_up(
    broker: Mosquitto, device: paho.Client
) -> None:
    with site(Limits(answer_s=0.3), config=config(broker.port)) as web:
        device.publish("emotion/kiosk/status", "online", 1, retain=True)
        wait_until(lambda: web.get("/api/devices/kiosk").status == 200)
        assert web.post("/api/devices/kiosk/pause", {"paused": True}).status == 202
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            late = web.post("/api/devices/kiosk/pause", {"paused": True})
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert (late.status, "did not answer within 0.3 s" in late.error) == (504, True)


def test_a_pause_during_which_the_broker_leaves_is_refused_at_once(
    web: Site, broker: Mosquitto, device: paho.Client
) -> None:
    device.publish("emotion/kiosk/status", "online", 1, retain=True)
    wait_until(lambda: web.get("/api/devices/kiosk").status == 200)
    os.kill(broker.pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(web.post, "/api/devices/kiosk/pause", {"paused": True})
        wait_until(lambda: web.server.devices.waiting == 1)
        broker.kill()
        answer = asked.result(30)
    assert (answer.status, answer.error) == (503, "the broker went away; try again")
    assert web.server.devices.waiting == 0


def test_metrics_follow_the_broker_its_devices_and_the_pages(
    web: Site, broker: Mosquitto, device: paho.Client
) -> None:
    def figures() -> dict[str, float]:
        return prometheus(web.get("/metrics").body.decode())

    hostile = 'a"b\\c'
    device.publish(f"emotion/{hostile}/status", "online", 1, retain=True)
    device.publish("emotion/kiosk/status", "offline", 1, retain=True)
    wait_until(lambda: len(web.server.devices.online()) == 2)
    with urllib3.PoolManager() as pool:
        stream = pool.request("GET", f"{web.url}/api/events", preload_content=False, timeout=10)
        found = figures()
        stream.close()
    assert found["emotiond_web_broker_connected"] == found["emotiond_web_listeners"] == 1
    assert found['emotiond_web_device_online{device="kiosk"}'] == 0
    assert found['emotiond_web_device_online{device="a\\"b\\\\c"}'] == 1
    assert found["emotiond_web_rss_bytes"] > 10e6
    requests = 'emotiond_web_request_seconds_%s{path="/metrics"%s}'
    found = figures()
    assert found[requests % ("count", "")] == found[requests % ("bucket", ',le="+Inf"')] == 1
    buckets = [count for name, count in found.items() if '_bucket{path="/metrics"' in name]
    assert buckets == sorted(buckets)
    broker.stop()
    wait_until(lambda: figures()["emotiond_web_broker_connected"] == 0)
    wait_until(lambda: figures()["emotiond_web_listeners"] == 0)


def prometheus(text: str) -> dict[str, float]:
    """Every figure by its name; each must have a help and a type above it."""
    found, described = dict[str, float](), set[str]()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind in ("gauge", "counter", "histogram")
            described |= {name, *(f"{name}_{one}" for one in ("bucket", "sum", "count"))}
        elif not line.startswith("# HELP "):
            name, _, value = line.rpartition(" ")
            assert name.partition("{")[0] in described
            assert name not in found
            found[name] = float(value)
    return found
