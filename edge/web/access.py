"""Knows who has the token: in a header, in a cookie, or typed into the page that asks for it."""

import hmac
import html
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge.web.errors import Refusal, busy
from edge.web.settings import Limits
from edge.web.uploads import read_body

COOKIE = "emotiond"
COOKIE_AGE_S = 30 * 86_400
WRONG_TRIES = 10
"""Different wrong tokens of one address within WINDOW_S, after which it is told to wait."""
WINDOW_S = 60.0
MAX_ADDRESSES = 1000
FORM = "application/x-www-form-urlencoded"
PROBLEM = "<!-- problem -->"
"""Where the page that asks for the token shows what was wrong."""


class Access:
    """Compares tokens, and counts wrong ones by address; `now_s` is a monotonic clock.

    The right token always passes: others behind the same address, or a browser that still has an
    old cookie, lock nobody out. Tokens are too long to be guessed (MIN_TOKEN_CHARACTERS).
    """

    def __init__(self, token: str | None, now_s: Callable[[], float]) -> None:
        self.token = token
        self._now_s = now_s
        self._wrong: dict[str, dict[int, float]] = {}

    def check(self, given: str, address: str) -> None:
        """Raises Refusal, 401 or 429, if a token is demanded and this is not it."""
        if self.token is None or hmac.compare_digest(given.encode(), self.token.encode()):
            return
        now_s = self._now_s()
        tries = self._wrong.pop(address, {})
        tries = {one: at_s for one, at_s in tries.items() if now_s - at_s < WINDOW_S}
        is_over = len(tries) >= WRONG_TRIES
        if given and not is_over:
            tries[hash(given)] = now_s
        if tries:
            self._wrong[address] = tries  # the newest last
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.pop(next(iter(self._wrong)))
        if given and is_over:
            raise busy(f"{WRONG_TRIES} wrong tokens; wait a minute", round(WINDOW_S))
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "a token is needed: `Authorization: Bearer TOKEN`, or enter it at /login; "
            "`emotiond serve` printed it when it started, or --token-file has it",
            {"WWW-Authenticate": "Bearer"},
        )


def token_in(headers: Headers) -> str:
    """Returns the token of a request's header or cookie, empty without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(headers))
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def login(page: Path, access: Access, limits: Limits) -> Callable[[Request], Awaitable[Response]]:
    """Returns the endpoint that shows `page`, its form, and takes the token from it.

    The token is in the body of a POST: an address would be kept in the history of the browser.
    """
    text = page.read_text(encoding="utf-8")

    async def serve(request: Request) -> Response:
        if request.method != "POST":
            return HTMLResponse(text)
        try:
            body = await read_body(request, FORM, limits)
            given = dict(parse_qsl(body.decode("latin-1"))).get("token", "")
            access.check(given, request.client.host if request.client else "")
        except Refusal as refusal:
            is_wrong = refusal.status == HTTPStatus.UNAUTHORIZED
            what = "this is not the token" if is_wrong else html.escape(str(refusal))
            shown = f'<p id="problem" role="alert">Not opened: {what}.</p>'
            return HTMLResponse(text.replace(PROBLEM, shown), refusal.status, refusal.headers)
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        if access.token is not None:
            answer.set_cookie(
                _cookie_name(request.headers),
                access.token,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
                max_age=COOKIE_AGE_S,
            )
        return answer

    return serve


def _cookie_name(headers: Headers) -> str:
    """Returns a name for each port: browsers send a host's cookies to all its servers."""
    try:
        port = urlsplit(f"//{headers.get('host', '')}").port
    except ValueError:
        port = None
    return COOKIE if port is None else f"{COOKIE}-{port}"
