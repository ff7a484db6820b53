"""The page of `emotiond serve` as somebody in front of it sees it."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.support.waiting import wait_until

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run().then(({ violations }) => done(violations.map((one) =>
  `${one.id}: ${one.help} ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`)));
"""
PATIENCE_S = 60  # a busy machine starts a reader slowly


def violations(browser: Chrome) -> list[str]:
    """What axe finds wrong with a page for people with disabilities."""
    browser.execute_script(AXE)
    return list(browser.execute_async_script(RUN_AXE))


class Page:
    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser, self.url = browser, url

    def open(self, view: str = "") -> None:
        self.browser.get("about:blank")  # another hash alone would not load the page again
        self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        self.browser.get(f"{self.url}/{view}")
        self.until(lambda: bool(self.find("h1")))

    def find(self, selector: str) -> WebElement | None:
        found = self.browser.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def text(self, selector: str) -> str:
        """The text that is seen, empty if there is none."""
        try:
            found = self.find(selector)
            return found.text if found else ""
        except StaleElementReferenceException:  # it was drawn again
            return ""

    def texts(self, selector: str) -> list[str]:
        query = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        return list(self.browser.execute_script(query, selector))

    def attribute(self, selector: str, name: str) -> str:
        found = self.find(selector)
        return (found.get_attribute(name) if found else None) or ""

    def until(self, condition: Callable[[], bool]) -> None:
        wait_until(condition, PATIENCE_S)

    def until_text(self, selector: str, wanted: str) -> None:
        self.until(lambda: wanted in self.text(selector))

    def press(self, label: str) -> None:
        def ready() -> WebElement | None:
            buttons = self.browser.find_elements(By.CSS_SELECTOR, "button, a")
            try:
                return next((one for one in buttons if one.text == label), None)
            except StaleElementReferenceException:
                return None

        self.until(lambda: (found := ready()) is not None and found.is_enabled())
        button = ready()
        assert button is not None
        button.click()

    def write(self, selector: str, text: str, submit: bool = False) -> None:
        self.until(lambda: (found := self.find(selector)) is not None and found.is_enabled())
        field = self.find(selector)
        assert field is not None
        field.send_keys(text)
        if submit:
            field.submit()

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def theme(self, name: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": name}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    @property
    def violations(self) -> list[str]:
        """What axe finds wrong with it."""
        return violations(self.browser)

    @property
    def complaints(self) -> list[str]:
        """What the browser's console says."""
        log: Any = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(one["message"]) for one in log]

    @property
    def overflow_px(self) -> int:
        """How much wider the page is than the screen."""
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.browser.execute_script(wide))

    def json(self, script: str) -> Any:
        return json.loads(self.browser.execute_script(f"return JSON.stringify({script})"))
