"""Makes the pictures of docs/web.md and the README: the page on the six clips in samples/.

    python -m benchmarks.screenshots

A real broker, daemon, server and Chromium; two minutes.
"""

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from benchmarks.harness.browser import browser
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.web import web_server
from edge.commands.demo.broker import HOST
from edge.commands.demo.web import join
from edge.resources import SAMPLES

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE, PHONE = (1440, 900), (390, 844)
SHOWN_PX = 1200
QUALITY = 72
PLAYED_S = 50.0
"""Time that the clips play before a picture is taken: four times through."""


def main() -> None:
    """Takes all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = folder / "clips.mkv"
        join(sorted(SAMPLES.glob("*.mkv")), film)
        broker = Mosquitto(folder)
        broker.start()
        source = {"source": str(film), "loop": True}
        mqtt = {"host": HOST, "port": broker.port, "device": "demo", "health_interval_s": 5}
        devices = {"camera": source, "microphone": source}
        with (
            daemon(folder, devices | {"mqtt": mqtt}),
            web_server(folder, {"mqtt": {"host": HOST, "port": broker.port}}) as server,
            browser(folder, clip=film) as chrome,
        ):
            _take_all(chrome, server.url)
        broker.stop()


def _take_all(chrome: Chrome, url: str) -> None:
    _look(chrome, WIDE, "light")
    chrome.get(url)
    time.sleep(1)
    _press(chrome, "Start camera and microphone")
    time.sleep(PLAYED_S)
    sentence = chrome.find_element(By.ID, "sentence")
    sentence.send_keys("Don't forget a jacket!")
    sentence.submit()
    time.sleep(2)
    chrome.execute_script("document.activeElement.blur()")
    _take(chrome, "web-try")
    _look(chrome, PHONE, "dark")
    chrome.execute_script("scrollTo(0, 0)")
    time.sleep(1)
    _take(chrome, "web-phone")
    _look(chrome, WIDE, "light")
    chrome.get(f"{url}/#files")
    time.sleep(1)
    clips = [SAMPLES / f"1001_DFA_{code}_XX.mkv" for code in ("HAP", "FEA")]
    chrome.find_element(By.ID, "files").send_keys("\n".join(map(str, reversed(clips))))
    time.sleep(5)
    _take(chrome, "web-files")
    _look(chrome, WIDE, "dark")
    chrome.get(f"{url}/#devices/demo")
    time.sleep(3)
    _take(chrome, "web-devices")


def _look(chrome: Chrome, size: tuple[int, int], theme: str) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": theme}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _press(chrome: Chrome, label: str) -> None:
    buttons = chrome.find_elements(By.TAG_NAME, "button")
    next(one for one in buttons if one.text == label).click()


def _take(chrome: Chrome, name: str) -> None:
    data = np.frombuffer(chrome.get_screenshot_as_png(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert pixels is not None
    if (shrink := SHOWN_PX / pixels.shape[1]) < 1:
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    file = IMAGES / f"{name}.webp"
    cv2.imwrite(str(file), pixels, (cv2.IMWRITE_WEBP_QUALITY, QUALITY))
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
