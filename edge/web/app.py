"""The application: endpoints, pages and sockets behind the gate."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from edge.errors import describe
from edge.web import live
from edge.web.access import Access, login
from edge.web.camera import CameraView
from edge.web.errors import Refusal
from edge.web.openapi import document
from edge.web.routes import ENDPOINTS, Endpoint
from edge.web.safety import Gate
from edge.web.settings import WebSettings
from edge.web.state import Server

logger = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
ASSETS = frozenset({".css", ".js", ".svg"})
PAGES = {"/": "index.html", "/docs": "docs.html"}


def create_app(settings: WebSettings, now_s: Callable[[], float] = time.monotonic) -> Starlette:
    """Returns the ASGI application; raises ConfigError when a secret cannot be read.

    Its lifespan connects to the broker and ends the workers. `now_s` is a monotonic clock.
    """
    server = Server(settings)
    camera = CameraView(server)
    access = Access(settings.token, now_s)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        server.hub.start()
        server.devices.start()
        idle = asyncio.create_task(server.pool.end_idle())
        try:
            yield
        finally:
            idle.cancel()
            camera.stop()
            server.hub.end()
            server.devices.stop()
            server.pool.stop()

    async def schema(request: Request) -> Response:
        return JSONResponse(document())

    routes: list[BaseRoute] = [
        *(Route(one.path, _counted(one, server), methods=[one.method]) for one in ENDPOINTS),
        *(Route(path, _page(STATIC / name)) for path, name in PAGES.items()),
        *(Route(f"/{one.name}", _page(one)) for one in STATIC.iterdir() if one.suffix in ASSETS),
        Route(
            "/login",
            login(STATIC / "login.html", access, settings.limits),
            methods=["GET", "POST"],
        ),
        Route("/openapi.json", schema),
        WebSocketRoute("/api/live", _socket(live.serve, server)),
        WebSocketRoute("/api/camera", _socket(camera.serve, server)),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Gate, settings=settings, access=access)],
        exception_handlers={HTTPException: _not_found},
    )
    app.state.server = server
    return app


def _counted(endpoint: Endpoint, server: Server) -> Callable[[Request], Awaitable[Response]]:
    """Turns refusals into answers, and counts every request with its status and duration."""

    async def handle(request: Request) -> Response:
        started_s = time.monotonic()
        try:
            answer = await endpoint.handler(request, server)
        except Refusal as refusal:
            error = {"error": str(refusal)}
            answer = JSONResponse(error, refusal.status, refusal.headers)
        except Exception as error:
            logger.error("%s: %s", endpoint.path, describe(error))
            answer = JSONResponse({"error": "a fault of the server; its log has the place"}, 500)
        server.metrics.request(endpoint.path, answer.status_code, time.monotonic() - started_s)
        return answer

    return handle


def _page(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return FileResponse(file, headers={"Cache-Control": "no-cache"})

    return page


def _socket(
    serve: Callable[[WebSocket, Server], Awaitable[None]], server: Server
) -> Callable[[WebSocket], Awaitable[None]]:
    async def handle(socket: WebSocket) -> None:
        await serve(socket, server)

    return handle


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
