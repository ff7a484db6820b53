"""The page of `emotiond serve` in a real Chromium whose camera and microphone play a clip."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import soundfile
from selenium.webdriver import Chrome

from benchmarks.harness.browser import DRIVER, browser
from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.config import Camera
from edge.values import SAMPLE_RATE_HZ
from edge.web.settings import Limits
from tests.support.pages import Page
from tests.support.waiting import wait_until
from tests.support.web import NO_BROKER, Site, site

pytestmark = pytest.mark.skipif(DRIVER is None, reason="Ubuntu has no package of chromedriver")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def chromium(folder: Path) -> Iterator[Chrome]:
    with browser(folder, clip=HAPPY_CLIP) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site(Limits(live=1, upload_bytes=5_000_000)) as running:
        yield running


@pytest.fixture
def page(chromium: Chrome, web: Site) -> Iterator[Page]:
    page = Page(chromium, web.url)
    yield page
    page.open("#files")
    wait_until(lambda: web.server.live == 0)


def test_camera_and_microphone_are_read_live_and_stopped(page: Page, web: Site) -> None:
    page.open()
    assert "kept nowhere" in page.text(".head p")
    page.press("Start camera and microphone")
    page.until_text(".now-name", "Happy")
    page.until_text('.voice[data-modality="face"] .emotion', "Happy")
    page.until(lambda: page.text('.voice[data-modality="speech"] .figure') not in ("", "–"))
    page.until(lambda: float(page.attribute(".meter", "aria-valuenow")) > 0)
    page.until(lambda: any(one.startswith("Face ") for one in page.texts(".legend li")))
    page.write("#sentence", "I am so happy about this!", submit=True)
    page.until_text('.voice[data-modality="text"] .emotion', "Happy")
    page.until(lambda: "Happy" in page.attribute(".timeline", "aria-label"))
    page.until(lambda: page.attribute(".affect", "aria-label").startswith("Valence +0."))
    page.until(lambda: "ms from picture to answer" in page.text(".latency"))
    assert page.violations == []
    page.press("Stop")
    page.until_text(".now-name", "")
    wait_until(lambda: web.server.live == 0)
    assert page.json("document.querySelector('video').srcObject") is None
    assert page.complaints == []


def test_an_emotion_that_is_not_clear_is_told_from_none(page: Page) -> None:
    page.open()
    script = """const done = arguments[0];
    import("/belief.js").then(({ Now }) => {
        const now = new Now(), names = [];
        const unclear = { emotion: "unknown", confidence: 0.3, contributions: {} };
        for (const belief of [null, unclear, null]) {
            now.show(belief, [], 0);
            names.push(now.element.querySelector(".now-name").textContent);
        }
        done(names);
    })"""
    names = page.browser.execute_async_script(script)
    assert names == ["Nothing yet", "Not sure", "Nothing yet"]


def test_a_text_is_read_without_camera_and_microphone(page: Page, web: Site) -> None:
    page.open()
    page.write("#sentence", "I am so happy about this!", submit=True)
    page.until_text('.voice[data-modality="text"] .emotion', "Happy")
    assert page.text(".now-name") == "Happy"
    assert web.server.live == 0


def test_leaving_the_view_closes_the_camera(page: Page, web: Site) -> None:
    page.open()
    page.press("Start camera and microphone")
    wait_until(lambda: web.server.live == 1)
    page.press("Files")
    wait_until(lambda: web.server.live == 0)


def test_a_page_goes_on_live_after_the_server_was_started_again(chromium: Chrome) -> None:
    with site() as first:
        page = Page(chromium, first.url)
        page.open()
        page.press("Start camera and microphone")
        page.until_text(".now-name", "Happy")
    page.until_text(".notice", "The connection to the server broke; trying again")
    assert page.text(".now-name") != "Happy"
    with site(port=first.port):
        page.until_text(".now-name", "Happy")
        assert page.text(".notice") == ""
        page.press("Stop")


def test_a_full_server_is_explained(page: Page, web: Site) -> None:
    web.server.live += 1
    try:
        page.open()
        page.press("Start camera and microphone")
        page.until_text(".notice", "pages are live already; try again later")
    finally:
        web.server.live -= 1


def test_without_camera_and_microphone_the_page_says_what_to_do(web: Site, tmp_path: Path) -> None:
    with browser(tmp_path) as chrome:
        page = Page(chrome, web.url)
        page.open()
        page.press("Start camera and microphone")
        page.until(lambda: page.text(".notice") != "")
        assert "then start again" in page.text(".notice")
        page.until_text(".stage", "Start camera and microphone")


def files(folder: Path) -> dict[str, Path]:
    made = {name: folder / name for name in ("face.png", "voice.wav", "words.txt", "nobody.png")}
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    cv2.imwrite(str(made["face.png"]), frame.pixels)
    cv2.imwrite(str(made["nobody.png"]), np.zeros((60, 60, 3), np.uint8))
    soundfile.write(made["voice.wav"], read_sound(HAPPY_CLIP), SAMPLE_RATE_HZ)
    made["words.txt"].write_text("I am so happy!\nthis is disgusting\n")
    made["clip.mkv"] = HAPPY_CLIP
    return made


def test_files_of_every_kind_are_read_and_saved(page: Page, folder: Path, tmp_path: Path) -> None:
    page.open("#files")
    assert "Nothing read yet" in page.text(".empty")
    page.write("#files", "\n".join(str(one) for one in files(tmp_path).values()))
    page.write("#words", "=I am terrified of this", submit=True)
    page.until(lambda: len(page.texts(".answer")) >= 6)
    page.until(lambda: "No face in it" in page.text(".results"))
    names = dict(zip(page.texts(".result h2"), page.texts(".result"), strict=True))
    assert "Happy" in names["face.png"]
    assert "Disgust" in names["words.txt, line 2"]
    assert "Fear" in names["Text"]
    assert "Voice" in names[HAPPY_CLIP.name]
    page.until(lambda: "Happy" in page.attribute(".result-timeline canvas", "aria-label"))
    assert page.violations == []
    page.press("Save as JSON")
    page.press("Save as CSV")
    saved = folder / "downloads"
    wait_until(lambda: {one.name for one in saved.glob("*")} == {"emotions.json", "emotions.csv"})
    results = json.loads((saved / "emotions.json").read_text())
    assert {one["kind"] for one in results} == {"image", "audio", "video", "text"}
    with (saved / "emotions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["modality"] for row in rows} == {"face", "speech", "text", "fused"}
    assert all(0 <= float(row["happy"]) <= 1 for row in rows)
    page.press("Remove")
    page.until(lambda: len(page.texts(".result")) == 6)
    assert page.complaints == []


def test_the_timeline_of_a_clip_moves_its_player(page: Page) -> None:
    page.open("#files")
    page.write("#files", str(HAPPY_CLIP))
    page.until(lambda: page.find(".result-timeline canvas") is not None)
    page.until(lambda: page.json("document.querySelector('.result video').readyState") >= 1)
    canvas = page.find(".result-timeline canvas")
    assert canvas is not None
    canvas.click()  # its middle
    moved = "document.querySelector('.result video').currentTime"
    page.until(lambda: 0.5 < page.json(moved) < 1.5)


def test_files_that_cannot_be_read_say_why_and_harm_no_other(page: Page, tmp_path: Path) -> None:
    page.open("#files")
    rubbish, large = tmp_path / "<img src=x>.png", tmp_path / "large.mp4"
    rubbish.write_bytes(b"rubbish")
    large.write_bytes(bytes(6_000_000))
    page.write("#files", f"{rubbish}\n{large}")
    page.write("#words", "I am so happy!", submit=True)
    page.until(lambda: len(page.texts(".result .notice")) == 2)
    page.until(lambda: page.find(".unplayable img") is not None)  # its place is not left empty
    reasons = " ".join(page.texts(".result .notice"))
    assert "<img src=x>.png: not a readable picture" in reasons
    assert "more than 5 MB" in reasons or "too large" in reasons
    page.until_text(".answer", "Happy")
    assert page.find(".results img:not([src^=blob])") is None


@pytest.mark.parametrize("address", ["#constructor", "#%", "#nothing/at/all", "docs#%"])
def test_an_address_that_names_nothing_shows_the_first_view(page: Page, address: str) -> None:
    page.open(address)
    title = "API" if "docs" in address else "Try it"
    page.until(lambda: title in page.text("h1"))
    assert page.complaints == []


def test_what_was_read_stays_while_other_views_are_shown(page: Page) -> None:
    page.open("#files")
    page.write("#words", "I am so happy!", submit=True)
    page.write("#files", str(HAPPY_CLIP))
    page.press("Devices")  # the clip is read meanwhile
    page.until_text("h1", "Devices")
    page.press("Files")
    page.until(lambda: len(page.texts(".answer")) == 2)
    page.until(lambda: "Happy" in page.attribute(".result-timeline canvas", "aria-label"))
    assert page.complaints == []


@pytest.mark.parametrize("kind", ["text", "picture"])
def test_what_a_busy_server_refuses_is_sent_again(
    page: Page, web: Site, kind: str, tmp_path: Path
) -> None:
    limits = web.server.settings.limits
    web.server.pool.busy += limits.workers + limits.waiting
    try:
        page.open("#files")
        if kind == "text":
            page.write("#words", "I am so happy!", submit=True)
        else:
            page.write("#files", str(files(tmp_path)["face.png"]))
        page.until_text(".result-state", "The server is busy; waiting")
    finally:
        web.server.pool.busy -= limits.workers + limits.waiting
    page.until_text(".answer", "Happy")


def test_what_is_removed_while_the_server_is_busy_is_not_sent_again(page: Page, web: Site) -> None:
    limits = web.server.settings.limits
    web.server.pool.busy += limits.workers + limits.waiting
    try:
        page.open("#files")
        for text in ("one", "two"):  # as many as are sent at once
            page.write("#words", text, submit=True)
        page.until(lambda: len(page.texts(".result-state")) == 2)
        page.until(lambda: all("busy" in one for one in page.texts(".result-state")))
        page.press("Remove")
        page.until(lambda: len(page.texts(".result")) == 1)
        page.press("Remove")
        page.until(lambda: not page.texts(".result"))
    finally:
        web.server.pool.busy -= limits.workers + limits.waiting
    sent = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('predict'))"
    before = len(page.json(sent))
    page.write("#words", "I am so happy!", submit=True)  # nothing is left in its way
    page.until_text(".answer", "Happy")
    assert len(page.json(sent)) == before + 1


def test_the_token_is_asked_for_and_does_not_stay_in_an_address(chromium: Chrome) -> None:
    with site(token="a-token-that-is-long-enough") as web:  # noqa: S106
        page = Page(chromium, web.url)
        page.open()
        page.write("#token", "wrong", submit=True)
        page.until_text("#problem", "this is not the token")
        assert page.violations == []
        page.write("#token", "a-token-that-is-long-enough", submit=True)
        page.until_text("h1", "Try it")
        assert chromium.current_url == f"{web.url}/"


@pytest.mark.parametrize("view", ["", "#files", "#devices", "docs", "login"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_fits_a_phone_and_is_accessible(page: Page, view: str, theme: str) -> None:
    page.theme(theme)
    page.resize(390, 844)
    try:
        page.open(view)
        assert page.overflow_px == 0
        assert page.violations == []
        assert page.complaints == []
    finally:
        page.resize(1440, 900)
        page.theme("light")


def test_the_page_is_used_with_the_keyboard(page: Page) -> None:
    page.open()
    order = []
    for _ in range(6):
        page.browser.switch_to.active_element.send_keys("\ue004")
        order.append(page.browser.switch_to.active_element.text)
    assert order == [
        "Skip to the content",
        "Try it",
        "Files",
        "Devices",
        "API",
        "Start camera and microphone",
    ]


def test_the_documentation_shows_every_endpoint_without_the_internet(page: Page) -> None:
    page.open("docs")
    page.until(lambda: len(page.texts("#endpoints summary")) >= 12)
    assert any("/api/predict/fused" in one for one in page.texts("#endpoints summary"))
    page.open("docs#Result")
    page.until(lambda: "probabilities" in page.text("#Result"))


def test_the_first_load_is_small(page: Page) -> None:
    page.open()
    sizes = "performance.getEntries().map((one) => one.transferSize || 0)"
    assert 10_000 < sum(page.json(sizes)) < 300_000


def test_the_camera_of_the_server_is_shown_only_if_asked_and_only_while_somebody_watches(
    page: Page, chromium: Chrome
) -> None:
    page.open("#camera")
    page.until_text(".notice", "Start the server with --camera")
    page.until_text(".stage", "There is no picture")
    camera = Camera(source=str(HAPPY_CLIP), loop=True)
    with site(config=msgspec.structs.replace(NO_BROKER, camera=camera), camera=True) as web:
        watched = Page(chromium, web.url)
        watched.open()
        watched.until_text("#banner", "shows the picture of its camera")
        watched.press("Camera")
        watched.until_text(".latency", "One face in view")
        watched.until_text(".now-name", "Happy")
        assert watched.json("document.querySelector('.picture').width") == 480
        assert watched.violations == []
        assert web.server.watching == 1
        watched.press("Files")
        wait_until(lambda: web.server.watching == 0)
        assert watched.complaints == []


def test_a_camera_that_is_missing_is_explained(page: Page, chromium: Chrome) -> None:
    camera = Camera(source="/dev/video250")
    with site(config=msgspec.structs.replace(NO_BROKER, camera=camera), camera=True) as web:
        watched = Page(chromium, web.url)
        watched.open("#camera")
        watched.until_text(".notice", "/dev/video250")
