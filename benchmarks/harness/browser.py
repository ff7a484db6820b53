"""Chromium without a window, whose camera and microphone play a clip."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import soundfile
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from edge.capture.media import read_frames, read_sound
from edge.values import SAMPLE_RATE_HZ

DRIVER = shutil.which("chromedriver")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars "
    "--autoplay-policy=no-user-gesture-required"
)
SIZE = (1440, 900)


@contextmanager
def browser(
    folder: Path, *switches: str, size: tuple[int, int] = SIZE, clip: Path | None = None
) -> Iterator[Chrome]:
    """Starts a browser with its profile in `folder`; `clip` plays as camera and microphone.

    Without a clip it has neither.
    """
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = f"--user-data-dir={folder / 'profile'}"
    window = f"--window-size={size[0]},{size[1]}"
    devices = [] if clip is None else fake_devices(folder, clip)
    for switch in (*SWITCHES.split(), profile, window, *devices, *switches):
        options.add_argument(switch)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(folder / "downloads")}
    )
    chrome = Chrome(options, ChromeService(DRIVER))
    try:
        yield chrome
    finally:
        chrome.quit()


def fake_devices(
    folder: Path, clip: Path, size: tuple[int, int] = (640, 480), fps: float = 30.0
) -> list[str]:
    """Returns the switches that let a clip play as camera and microphone, over and over."""
    pictures, sound = folder / "camera.mjpeg", folder / "microphone.wav"
    with pictures.open("wb") as file:
        for frame in read_frames(clip, fps):
            pixels = cv2.resize(frame.pixels, size)
            file.write(cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes())
    soundfile.write(sound, read_sound(clip), SAMPLE_RATE_HZ)
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={pictures}",
        f"--use-file-for-fake-audio-capture={sound}",
    ]
