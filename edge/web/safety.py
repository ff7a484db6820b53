"""Keeps out whom the page is not for: other hosts' names, other sites' pages, wrong tokens."""

import hmac
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.errors import Refusal, busy
from edge.web.settings import WebSettings

COOKIE = "emotiond"
WRONG_TRIES = 10
"""Wrong tokens of one address within WINDOW_S, after which none of its tokens is looked at."""
WINDOW_S = 60.0
MAX_ADDRESSES = 1000
OPEN = frozenset({"/login", "/login.css", "/favicon.svg"})
"""What is served without a token: the page that asks for it."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Gate:
    """ASGI middleware: refuses requests, and adds the headers of HEADERS to every answer.

    Names that are no addresses must be this machine's or listed, because a page from elsewhere may
    point its own name at this machine (DNS rebinding). `now_s` is a monotonic clock.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings, now_s: Callable[[], float]) -> None:
        self._app, self._token, self._now_s = app, settings.token, now_s
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own}.local", *map(str.lower, settings.names)}
        self._wrong: dict[str, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            answer = self._admit(scope)
        except Refusal as refusal:
            if scope["type"] == "http" and refusal.status == HTTPStatus.UNAUTHORIZED:
                answer = self._ask(scope, refusal)
            else:
                answer = JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
        if answer is None:
            await self._app(scope, receive, guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, guarded)

    def _admit(self, scope: Scope) -> Response | None:
        """Returns None for who may come in, or the answer that lets them in; raises Refusal."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        self._check_host(host)
        self._check_origin(scope, headers, host)
        if self._token is None:
            return None
        address = (scope.get("client") or ("",))[0]
        query = dict(_pairs(scope.get("query_string", b"")))
        if scope["type"] == "http" and scope["path"] == "/" and "token" in query:
            self._check_token(query["token"], address)
            answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
            answer.set_cookie(
                COOKIE,
                self._token,
                httponly=True,
                samesite="strict",
                secure=scope["scheme"] == "https",
                max_age=30 * 86_400,
            )
            return answer
        if scope["path"] not in OPEN:
            self._check_token(_token_in(headers), address)
        return None

    def _check_host(self, host: str) -> None:
        name = ""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ip_address(name)
        except ValueError:  # it is a name, or nothing that one could connect to
            if name not in self._names:
                raise Refusal(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "this server does not go by that name; open it by its address, or start it "
                    "with --name",
                ) from None

    @staticmethod
    def _check_origin(scope: Scope, headers: Headers, host: str) -> None:
        """Refuses other sites' pages whatever they could do: send, listen, or embed a picture."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "")
        from_elsewhere = origin is not None and origin.partition("://")[2] != host
        is_plain_get = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if is_plain_get and headers.get("sec-fetch-mode") == "navigate":
            return  # a link on another page may lead here
        if (from_elsewhere and not is_plain_get) or site in ("cross-site", "same-site"):
            raise Refusal(HTTPStatus.FORBIDDEN, "pages of other sites may not use this server")

    def _check_token(self, given: str, address: str) -> None:
        assert self._token is not None
        now_s = self._now_s()
        tries = [one for one in self._wrong.get(address, []) if now_s - one < WINDOW_S]
        if len(tries) >= WRONG_TRIES:
            raise busy(f"{WRONG_TRIES} wrong tokens; wait a minute")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return
        if given:
            if len(self._wrong) >= MAX_ADDRESSES:
                self._wrong.pop(next(iter(self._wrong)))
            self._wrong[address] = [*tries, now_s]
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "a token is needed: `Authorization: Bearer TOKEN`, or open /?token=TOKEN; "
            "`emotiond serve` printed it when it started",
            {"WWW-Authenticate": "Bearer"},
        )

    @staticmethod
    def _ask(scope: Scope, refusal: Refusal) -> Response:
        """Returns the way to the page that asks for the token, or the reason for a program."""
        headers = Headers(scope=scope)
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        return JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)


def _token_in(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), max_num_fields=100)
    except ValueError:  # too many
        return []
