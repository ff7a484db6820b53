"""The page of examples/kiosk in a real browser, with a real broker."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST, free_port
from edge.configfile import load_config
from edge.resources import CONFIGS
from tests.support.pages import violations
from tests.support.waiting import wait_until

KIOSK = Path(__file__).parents[2] / "examples" / "kiosk"
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
ROOT = "emotion/kiosk"
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(DRIVER is None, reason="Ubuntu has no package of chromedriver")


class Page:
    """The page as a person in front of it sees it."""

    def __init__(self, browser: Chrome) -> None:
        self._browser = browser

    @property
    def condition(self) -> str:
        return self.text("#status")

    @property
    def people(self) -> dict[str, str]:
        """Emotion of each card by the card's name."""
        cards = 'return [...document.querySelectorAll(".person")].map(card => '
        cards += '[".name", ".emotion"].map(part => card.querySelector(part).innerText))'
        return dict(self._browser.execute_script(cards))

    def text(self, selector: str) -> str:
        return self._browser.find_element(By.CSS_SELECTOR, selector).text

    def bar(self, selector: str) -> tuple[str, str]:
        """Where a bar starts, and its length."""
        fill = self._browser.find_element(By.CSS_SELECTOR, f"{selector} i")
        style = "return [arguments[0].style.left, arguments[0].style.width]"
        left, width = self._browser.execute_script(style, fill)
        return left, width

    def has(self, selector: str) -> bool:
        return bool(self._browser.find_elements(By.CSS_SELECTOR, selector))

    def press(self, label: str) -> None:
        button = self._browser.find_element(By.ID, "pause")
        wait_until(lambda: button.is_enabled() and button.text == label)
        button.click()

    @property
    def violations(self) -> list[str]:
        return violations(self._browser)

    @property
    def title(self) -> str:
        return self._browser.title


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    for switch in (*SWITCHES.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    browser = Chrome(options, ChromeService(DRIVER))
    yield browser
    browser.quit()


class Web(Mosquitto):
    """A broker that browsers can connect to as well."""

    def __init__(self, folder: Path, *settings: str, anonymous: bool = True) -> None:
        self.web_port = free_port()
        web = (f"listener {self.web_port} {HOST}", "protocol websockets")
        super().__init__(folder, *web, *settings, anonymous=anonymous)


def opened(browser: Chrome, folder: Path, port: int, **settings: str) -> Page:
    """Sets up the page and opens it as a file, as an integrator would."""
    shutil.copytree(KIOSK, folder / "page")
    file = folder / "page" / "settings.js"
    text = file.read_text(encoding="utf-8")
    for key, value in ({"broker": f"ws://{HOST}:{port}"} | settings).items():
        text, changed = re.subn(rf'(\b{key}: )"[^"]*"', rf'\1"{value}"', text)
        assert changed == 1
    file.write_text(text, encoding="utf-8")
    browser.get((folder / "page" / "index.html").as_uri())
    return Page(browser)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    broker = Web(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def page(browser: Chrome, tmp_path: Path, web: Web) -> Page:
    return opened(browser, tmp_path, web.web_port)


@pytest.fixture
def device(web: Web, page: Page) -> Iterator[paho.Client]:
    """A client that publishes as a device does; the page has subscribed already."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, web.port)
    client.loop_start()
    client.publish(f"{ROOT}/status", "online", 1, retain=True)
    wait_until(lambda: page.condition == "Nobody is in view.")
    yield client
    client.disconnect()
    client.loop_stop()


def message(subject: int, emotion: str, **data: Any) -> str:
    known = {"confidence": 0.8, "valence": 0.6, "arousal": 0.4, "faces": 2, "paused": False}
    content = known | {"subject": subject, "emotion": emotion} | data
    return json.dumps({"id": f"episode {subject}", "data": content})


@needs_browser
def test_it_shows_what_a_daemon_reads_pauses_it_and_shows_when_it_is_gone(
    tmp_path: Path, web: Web, page: Page
) -> None:
    subscriber = Subscriber(web.port)
    clip = {"source": str(HAPPY_CLIP), "loop": True}
    mqtt = {"host": HOST, "port": web.port, "device": "kiosk"}
    assert "Waiting for the device kiosk" in page.condition or "onnect" in page.condition
    with daemon(tmp_path, {"camera": clip, "microphone": {"enabled": False}, "mqtt": mqtt}) as it:
        wait_until(lambda: page.people == {"Person 1": "happy"})
        assert page.condition == "One face is in view."
        assert re.fullmatch(r"[4-9]\d %", page.text(".confidence + span"))
        assert 0 < float(page.text(".valence + span")) <= 1
        assert page.text("#modalities").split("\n") == ["face", "ok", "speech", "off", "text", "ok"]
        page.press("Pause")
        subscriber.until("face/status", "off")
        wait_until(lambda: page.condition == "Paused: camera and microphone are off.")
        assert page.people == {}
        page.press("Resume")
        subscriber.until("face/status", "ok")
        wait_until(lambda: list(page.people.values()) == ["happy"])
        it.kill()
        wait_until(lambda: page.condition == "The device is offline.")
        assert (page.people, page.text("#modalities")) == ({}, "")
    subscriber.close()


@needs_browser
def test_everyone_in_view_has_a_card_as_long_as_their_emotion_lasts(
    page: Page, device: paho.Client
) -> None:
    device.publish(f"{ROOT}/state", message(3, "happy"), 1, retain=True)
    device.publish(f"{ROOT}/event", message(4, "sad", phase="start"), 1)
    device.publish(f"{ROOT}/event", message(5, "angry", phase="start", replayed=True), 1)
    wait_until(lambda: page.people == {"Person 3": "happy", "Person 4": "sad"})
    assert page.condition == "2 faces are in view."
    device.publish(f"{ROOT}/event", message(4, "sad", phase="end"), 1)
    device.publish(f"{ROOT}/event", message(4, "sad", phase="start"), 1)  # delivered again
    device.publish(f"{ROOT}/state", message(3, "neutral"), 1, retain=True)
    wait_until(lambda: page.people == {"Person 3": "neutral"})
    device.publish(f"{ROOT}/state", message(0, "unknown", faces=0), 1, retain=True)
    wait_until(lambda: page.people == {})
    assert page.condition == "Nobody is in view."


@needs_browser
def test_the_content_of_a_message_is_shown_as_text_and_never_as_markup(
    page: Page, device: paho.Client
) -> None:
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    for rubbish in (b"", b"\xff", b"[]", b"{}", b'{"data": null}', b'{"data": {"subject": "1"}}'):
        device.publish(f"{ROOT}/state", rubbish, 1)
        device.publish(f"{ROOT}/event", rubbish, 1)
    figures = {"confidence": hostile, "valence": 1e300, "arousal": None}
    device.publish(f"{ROOT}/<b>face/status", f"degraded: {hostile}", 1)
    device.publish(f"{ROOT}/state", message(1, hostile, **figures), 1, retain=True)
    wait_until(lambda: page.people == {"Person 1": hostile})
    assert page.text("#modalities") == f"<b>face\ndegraded: {hostile}"
    assert {page.text(f".{name} + span") for name in figures} == {"–"}
    page.press("Pause")
    error = {"data": {"command": "set/pause", "reason": hostile}}
    device.publish(f"{ROOT}/error", json.dumps(error), 1)
    wait_until(lambda: page.text("#error") == hostile)
    assert not page.has("img, script:not([src])")
    assert page.title == "What this kiosk reads in faces"


@needs_browser
def test_values_from_minus_one_to_one_are_drawn_from_the_middle(
    page: Page, device: paho.Client
) -> None:
    figures = {"valence": -0.5, "arousal": 0.25}
    device.publish(f"{ROOT}/state", message(1, "sad", **figures), 1, retain=True)
    wait_until(lambda: page.people == {"Person 1": "sad"})
    assert page.bar(".valence") == ("25%", "25%")
    assert page.bar(".arousal") == ("50%", "12.5%")
    assert page.bar(".confidence") == ("0%", "80%")
    assert page.violations == []


def test_page_flow_and_configuration_agree_on_the_device() -> None:
    configured = load_config(CONFIGS / "kiosk.yaml").mqtt.device
    settings = (KIOSK / "settings.js").read_text(encoding="utf-8")
    flow = (KIOSK.parent / "node-red" / "flows.json").read_text(encoding="utf-8")
    assert f'device: "{configured}"' in settings
    assert set(re.findall(r"emotion/([^/+]+)/set/", flow)) == {configured}


@needs_browser
def test_it_recovers_when_the_broker_returns(web: Web, page: Page, device: paho.Client) -> None:
    device.publish(f"{ROOT}/state", message(1, "happy"), 1, retain=True)
    wait_until(lambda: page.people == {"Person 1": "happy"})
    web.stop()
    wait_until(lambda: page.condition == "No connection to the broker; trying again.")
    assert page.people == {}
    web.start()
    wait_until(lambda: page.people == {"Person 1": "happy"})


@needs_browser
def test_a_refused_account_is_shown_and_the_access_list_has_a_user_for_the_page(
    browser: Chrome, tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    for name, new in (("page", ["-c"]), ("kiosk", [])):
        program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
        subprocess.run([program, *new, "-b", str(passwords), name, f"{name}'s"], check=True)
    passwords.chmod(0o600)
    rules = (f"password_file {passwords}", f"acl_file {CONFIGS / 'mosquitto' / 'acl'}")
    web = Web(tmp_path, *rules, anonymous=False)
    web.start()
    (tmp_path / "wrong").mkdir()
    page = opened(browser, tmp_path / "wrong", web.web_port, username="page", password="wrong")  # noqa: S106
    wait_until(lambda: page.condition.startswith("The broker refuses this page: "))
    assert page.condition.endswith("Not authorized. See settings.js.")
    page = opened(browser, tmp_path, web.web_port, username="page", password="page's")  # noqa: S106
    (tmp_path / "password").write_text("kiosk's")
    mqtt = {"host": HOST, "port": web.port, "device": "kiosk", "username": "kiosk"}
    mqtt["password_file"] = str(tmp_path / "password")
    off = {"enabled": False}
    with daemon(tmp_path, {"camera": off, "microphone": off, "mqtt": mqtt}):
        page.press("Pause")
        wait_until(lambda: page.condition == "Paused: camera and microphone are off.")
    web.stop()


def test_the_bundled_library_is_the_documented_one() -> None:
    row = re.search(
        r"^\| `(.+?)` .+`([0-9a-f]{64})` \|$", (KIOSK / "vendor/README.md").read_text(), re.M
    )
    assert row is not None
    assert hashlib.sha256((KIOSK / "vendor" / row[1]).read_bytes()).hexdigest() == row[2]
