"""Keeps out whom the page is not for: other hosts' names, other sites' pages, wrong tokens."""

import socket
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.access import Access, token_in
from edge.web.errors import Refusal
from edge.web.settings import WebSettings

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
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Gate:
    """ASGI middleware: refuses requests, and adds the headers of HEADERS to every answer.

    Names that are no addresses must be this machine's or listed, because a page from elsewhere may
    point its own name at this machine (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: WebSettings, access: Access) -> None:
        self._app, self._access = app, access
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own}.local", *map(str.lower, settings.names)}

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
            self._admit(scope)
        except Refusal as refusal:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await _answer(scope, refusal)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _admit(self, scope: Scope) -> None:
        """Raises Refusal for who may not come in."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        self._check_host(host)
        self._check_origin(scope, headers, host)
        if scope["path"] not in OPEN:
            address = (scope.get("client") or ("",))[0]
            self._access.check(token_in(headers), address)

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


def _answer(scope: Scope, refusal: Refusal) -> Response:
    """Returns the reason, or for a browser without the token the way to the page that asks."""
    needs_token = refusal.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
    is_browser = "text/html" in Headers(scope=scope).get("accept", "")
    if needs_token and is_browser and scope["method"] in SAFE_METHODS:
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    return JSONResponse({"error": str(refusal)}, refusal.status, refusal.headers)
