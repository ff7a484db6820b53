"""Measures `emotiond serve`: latency of a live page, memory, parallel uploads, many pages.

    python -m benchmarks.web

A real server, broker and Chromium whose camera plays a sample clip at 640x480; a minute.
"""

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import cv2
import paho.mqtt.client as paho
import urllib3
from paho.mqtt.enums import CallbackAPIVersion
from selenium.webdriver.common.by import By

from benchmarks.harness.browser import browser
from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.web import WebServer, web_server
from edge.capture.media import read_frames
from edge.commands.demo.broker import HOST
from edge.machine import rss_mb

FRAMES = 300
UPLOADS = 50
DEVICES, PAGES, ROUNDS = 100, 10, 20
IDLE_S, LONGEST_S = 3.0, 60.0
STATUS = "face/status"
COLLECT = """
const note = document.querySelector(".latency");
window.latencies = [];
new MutationObserver(() => window.latencies.push(Number(note.dataset.newest)))
  .observe(note, { attributes: true, attributeFilter: ["data-count"] });
"""


def main() -> None:
    """Prints each figure once it is known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # By default it drops what a reader has not taken beyond a thousand messages.
        broker = Mosquitto(folder, "max_queued_messages 0")
        broker.start()
        mqtt = {"host": HOST, "port": broker.port}
        with web_server(folder, {"mqtt": mqtt}) as server:
            time.sleep(IDLE_S)
            _print([("idle memory (RSS)", f"{rss_mb(server.process.pid):.0f} MB")])
            _print(_uploads(server))
            _print(_pages(server, broker.port))
            _print(_live(server, folder))
        broker.stop()


def _print(rows: Sequence[tuple[str, str]]) -> None:
    for what, figure in rows:
        print(f"{what}: {figure}", flush=True)


def _live(server: WebServer, folder: Path) -> list[tuple[str, str]]:
    with browser(folder, clip=HAPPY_CLIP) as chrome:
        chrome.get(server.url)
        sizes = "return performance.getEntries().reduce((s, one) => s + (one.transferSize || 0), 0)"
        time.sleep(1)
        first_load = int(chrome.execute_script(sizes))
        chrome.find_element(By.CSS_SELECTOR, ".stage button").click()
        chrome.execute_script(COLLECT)
        while int(chrome.execute_script("return window.latencies.length")) < FRAMES:
            time.sleep(0.2)
        found = list(chrome.execute_script("return window.latencies"))[10:]
    cuts = quantiles(found, n=20)
    latency = f"{cuts[9]:.0f} ms, 95 % {cuts[18]:.0f} ms (n = {len(found)})"
    return [
        ("first load", f"{first_load / 1000:.0f} kB"),
        ("picture of 640x480 taken to answer drawn, median", latency),
    ]


def _uploads(server: WebServer) -> list[tuple[str, str]]:
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    picture = cv2.imencode(".png", frame.pixels)[1].tobytes()
    with urllib3.PoolManager(num_pools=1, maxsize=UPLOADS, retries=False) as pool:

        def upload(_: int) -> int:
            fields = {"image": ("face.png", picture)}
            url = f"{server.url}/api/predict/image"
            return pool.request("POST", url, fields=fields, timeout=60).status

        with ThreadPoolExecutor(UPLOADS) as threads:
            statuses = Counter(threads.map(upload, range(UPLOADS)))
    text = ", ".join(f"{count} times {status}" for status, count in sorted(statuses.items()))
    return [(f"{UPLOADS} parallel uploads", text)]


def _pages(server: WebServer, broker_port: int) -> list[tuple[str, str]]:
    device = paho.Client(CallbackAPIVersion.VERSION2)
    device.connect(HOST, broker_port)
    device.loop_start()
    for number in range(DEVICES):
        device.publish(f"emotion/kiosk-{number}/status", "online", 1, retain=True)
    expected = DEVICES * ROUNDS
    counts = [0] * PAGES
    ready = threading.Barrier(PAGES + 1)

    def follow(page: int) -> None:
        with _events(server) as lines:
            next(lines)
            ready.wait(20)
            for line in lines:
                if line.startswith(b"data: ") and json.loads(line[6:]).get("name") == STATUS:
                    counts[page] += 1
                    if counts[page] == expected:
                        return

    threads = [threading.Thread(target=follow, args=(page,), daemon=True) for page in range(PAGES)]
    for thread in threads:
        thread.start()
    ready.wait(20)
    started_s = time.monotonic()
    for turn in range(ROUNDS):
        for number in range(DEVICES):
            device.publish(f"emotion/kiosk-{number}/face/status", f"degraded: {turn}", 1)
    deadline_s = started_s + LONGEST_S
    for thread in threads:
        thread.join(max(deadline_s - time.monotonic(), 0))
    took_s = time.monotonic() - started_s
    device.disconnect()
    device.loop_stop()
    lost = sum(expected - count for count in counts)
    what = f"{PAGES} pages following {DEVICES} devices, {expected} messages each"
    return [(what, f"{lost} lost, {PAGES * expected / took_s:.0f} delivered a second")]


@contextmanager
def _events(server: WebServer) -> Iterator[Iterator[bytes]]:
    with urllib3.PoolManager() as pool:
        url = f"{server.url}/api/events"
        stream = pool.request("GET", url, preload_content=False, timeout=30)
        yield iter(stream)
        stream.close()


if __name__ == "__main__":
    main()
