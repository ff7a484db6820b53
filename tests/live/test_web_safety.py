"""Whom the server keeps out: other names, other sites, wrong tokens."""

import argparse
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.config import Config
from edge.errors import EmotiondError
from edge.web.access import WRONG_TRIES
from edge.web.safety import HEADERS
from edge.web.serve import read_token
from edge.web.settings import WebSettings
from edge.web.start import start
from tests.support.clock import FakeClock
from tests.support.web import JSON, Answer, Site, site

TOKEN = "a-token-that-is-long-enough"  # noqa: S105


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture
def guarded() -> Iterator[tuple[Site, FakeClock]]:
    clock = FakeClock()
    with site(clock=clock, token=TOKEN) as running:
        yield running, clock


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", socket.gethostname(), "10.0.0.7"]
)
def test_addresses_and_names_of_this_machine_are_served(web: Site, host: str) -> None:
    assert web.get("/api/health", Host=f"{host}:{web.port}").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a b", "[", "[::1", "a:b:c"]
)
def test_a_name_that_points_here_from_elsewhere_is_refused(web: Site, host: str) -> None:
    answer = web.get("/api/health", Host=host)
    assert answer.status in (400, 421)


def test_another_name_is_served_if_it_was_given() -> None:
    with site(names=("kiosk.example",)) as web:
        assert web.get("/api/health", Host="kiosk.example").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_can_neither_send_nor_listen(
    web: Site, headers: dict[str, str]
) -> None:
    body = b'{"text": "a"}'
    answer = web.request("POST", "/api/predict", body=body, headers=JSON | headers)
    assert answer.status == 403
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://localhost:{web.port}/api/live", additional_headers=headers)
    assert caught.value.response.status_code == 403


def test_a_picture_of_this_server_cannot_be_embedded_but_a_link_leads_to_it(web: Site) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert web.request("GET", "/favicon.svg", headers=embedded).status == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.request("GET", "/", headers=link).status == 200


def test_its_own_page_may_send_and_every_answer_has_the_headers(web: Site) -> None:
    own = JSON | {"Origin": web.url, "Sec-Fetch-Site": "same-origin"}
    answer = web.request("POST", "/api/predict", body=b'{"text": "a"}', headers=own)
    assert answer.status == 200
    for path in ("/", "/app.js", "/api/health", "/nothing", "/openapi.json"):
        got = web.get(path).headers
        assert {name: got[name] for name in HEADERS} == HEADERS
        assert "script-src 'self'" in got["Content-Security-Policy"]


def test_the_pages_load_nothing_from_elsewhere_and_are_small(web: Site) -> None:
    static = Path(__file__).parents[2] / "edge" / "web" / "static"
    files = list(static.iterdir())
    assert sum(file.stat().st_size for file in files) < 300_000
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text, file
        assert "innerHTML" not in text, file


def test_without_the_token_nothing_but_the_form_is_served(guarded: tuple[Site, FakeClock]) -> None:
    web, _ = guarded
    for path in ("/api/health", "/metrics", "/app.js", "/openapi.json"):
        assert web.get(path).status == 401
    asked = web.get("/", Accept="text/html")
    assert (asked.status, asked.headers["Location"]) == (303, "/login")
    assert b"<form" in web.get("/login").body
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://localhost:{web.port}/api/live")
    assert caught.value.response.status_code == 403


def log_in(web: Site, token: str) -> Answer:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": web.url}
    return web.request("POST", "/login", body=urlencode({"token": token}), headers=form)


def test_the_token_opens_as_a_header_or_from_the_form_but_never_in_an_address(
    guarded: tuple[Site, FakeClock],
) -> None:
    web, _ = guarded
    assert web.get("/api/health", Authorization=f"Bearer {TOKEN}").status == 200
    assert web.get(f"/?token={TOKEN}").status == 401
    opened = log_in(web, TOKEN)
    assert (opened.status, opened.headers["Location"]) == (303, "/")
    cookie = opened.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    kept = {"Cookie": cookie.partition(";")[0]}
    assert web.request("GET", "/", headers=kept).status == 200
    with connect(f"ws://localhost:{web.port}/api/live", additional_headers=kept):
        pass


def test_wrong_tokens_are_limited_and_lock_out_nobody_who_has_the_right_one(
    guarded: tuple[Site, FakeClock],
) -> None:
    web, clock = guarded
    tries = [web.get("/api/health", Authorization=f"Bearer {n}") for n in range(WRONG_TRIES + 1)]
    assert [one.status for one in tries] == [401] * WRONG_TRIES + [429]
    assert tries[-1].headers["Retry-After"] == "60"
    refused = log_in(web, "wrong")
    assert (refused.status, b"wait a minute" in refused.body) == (429, True)
    assert web.get("/", Accept="text/html").headers["Location"] == "/login"
    assert web.get("/api/health", Authorization=f"Bearer {TOKEN}").status == 200
    assert log_in(web, TOKEN).status == 303
    clock.moment_s += 61
    refused = log_in(web, "wrong")
    assert (refused.status, b"this is not the token" in refused.body) == (401, True)


def test_an_old_cookie_is_one_wrong_try_however_often_it_is_sent(
    guarded: tuple[Site, FakeClock],
) -> None:
    web, _ = guarded
    old = {"Cookie": f"emotiond-{web.port}=of-yesterday", "Accept": "text/html"}
    asked = [web.get("/", **old) for _ in range(2 * WRONG_TRIES)]
    assert {(one.status, one.headers["Location"]) for one in asked} == {(303, "/login")}
    assert web.get("/api/health", Authorization="Bearer wrong").status == 401


def test_the_cookie_of_another_server_of_this_machine_is_none_of_this_one(
    guarded: tuple[Site, FakeClock],
) -> None:
    web, _ = guarded
    cookie = log_in(web, TOKEN).headers["Set-Cookie"].partition(";")[0]
    assert cookie == f"emotiond-{web.port}={TOKEN}"
    both = {"Cookie": f"emotiond-1=of-another; {cookie}"}
    assert web.get("/api/health", **both).status == 200
    other = {"Cookie": f"emotiond-1={TOKEN}"}
    assert web.get("/api/health", **other).status == 401


def test_a_token_file_needs_a_token_that_cannot_be_guessed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(EmotiondError, match="cannot read the token"):
        read_token(file)
    file.write_text("short\n")
    with pytest.raises(EmotiondError, match="at least 16"):
        read_token(file)
    file.write_text(f"{TOKEN}\n")
    assert read_token(file) == TOKEN


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("kiosk", False)],  # noqa: S104
)
def test_only_loopback_needs_no_token(host: str, local: bool) -> None:
    assert WebSettings(host=host).is_local == local


def options(**given: object) -> argparse.Namespace:
    usual = {"host": "0.0.0.0", "port": 0, "name": [], "camera": None, "token_file": None}  # noqa: S104
    return argparse.Namespace(**{**usual, "certificate": None, "key": None, **given})


def test_a_service_that_others_reach_needs_a_token_that_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    with pytest.raises(EmotiondError, match="/etc/emotiond/web-token"):
        start(Config(), options())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "web-token").write_text("\n")
    with pytest.raises(EmotiondError, match="/etc/emotiond/web-token"):
        start(Config(), options())
    (tmp_path / "web-token").write_text("short\n")
    with pytest.raises(EmotiondError, match="credential web-token: a token has at least 16"):
        start(Config(), options())


def test_half_a_certificate_and_an_address_in_use_are_explained() -> None:
    with pytest.raises(EmotiondError, match="--certificate and --key belong together"):
        start(Config(), options(certificate=Path("a.pem")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmotiondError, match=rf"port {port} .*--port"):
            start(Config(), options(host="127.0.0.1", port=port))
