"""Endpoints about the server, its models, and the devices of its broker."""

import asyncio
import os
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge import __version__
from edge.config import Models
from edge.errors import EmotiondError, ModelError
from edge.machine import rss_mb
from edge.perception.manifest import Metric
from edge.values import MODALITIES
from edge.web.device_values import Broker, Pause
from edge.web.devices import GONE
from edge.web.errors import Refusal
from edge.web.metrics import CONTENT_TYPE, device_lines
from edge.web.snapshot import snapshot
from edge.web.state import Server
from edge.web.stream import Stream
from edge.web.uploads import read_json

EVENT_STREAM = "text/event-stream"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the server."""

    status: str = "ok"
    version: str = __version__
    uptime_s: float
    busy: int
    """Requests that are being read or wait for it."""
    live: int
    """Pages that try it live."""
    camera: bool
    """True if the server shows the picture of a camera."""
    broker: Broker
    limits: dict[str, float]
    """What a request may contain."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model in use."""

    modality: str
    name: str
    version: str
    sha256: str
    labels: tuple[str, ...]
    """The model's own."""
    metrics: tuple[Metric, ...]
    trained_on: tuple[str, ...]
    licence: str
    created: str


async def health(request: Request, server: Server) -> Response:
    """Says that the server works, how busy it is, and what it accepts."""
    limits = server.settings.limits
    return encoded(
        Health(
            uptime_s=round(time.monotonic() - server.started_s, 1),
            busy=server.pool.busy,
            live=server.live,
            camera=server.settings.camera,
            broker=server.devices.broker,
            limits={
                "upload_bytes": limits.upload_bytes,
                "text_bytes": limits.text_bytes,
                "pixels": limits.pixels,
                "seconds": limits.seconds,
                "at_once": limits.workers + limits.waiting,
                "live": limits.live,
            },
        )
    )


async def models(request: Request, server: Server) -> Response:
    """Lists the models with their figures and licences."""
    return encoded(await asyncio.to_thread(_models, server.settings.config.models))


def _models(config: Models) -> list[Model]:
    from edge.perception.pack import load_pack  # imports LiteRT, which an idle server lacks

    paths = dict.fromkeys(Path(config.folder) / name for name in config.manifests(MODALITIES))
    try:
        manifests = [load_pack(path).manifest for path in paths]
    except ModelError as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    names = Model.__struct_fields__
    return [Model(**{name: getattr(one, name) for name in names}) for one in manifests]


async def devices(request: Request, server: Server) -> Response:
    """Lists the devices of the broker with their state, and the last hour of each."""
    return encoded(server.devices.devices())


async def device(request: Request, server: Server) -> Response:
    """Describes one device."""
    found = server.devices.device(request.path_params["device"])
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "no device of this name has published anything")
    return encoded(found)


async def pause(request: Request, server: Server) -> Response:
    """Asks a device to close its camera and microphone, or to open them."""
    name = request.path_params["device"]
    if server.devices.device(name) is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "no device of this name has published anything")
    wanted = await read_json(request, Pause, server.settings.limits)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()

    def settle(refusal: str) -> None:
        if not answered.done():
            answered.set_result(refusal)

    def answer(refusal: str) -> None:
        loop.call_soon_threadsafe(settle, refusal)

    number = server.devices.pause(name, wanted.paused, answer)
    if number is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, server.devices.broker.reason)
    limit_s = server.settings.limits.answer_s
    try:
        refusal = await asyncio.wait_for(answered, limit_s)
    except asyncio.TimeoutError:
        reason = f"the broker did not answer within {limit_s:g} s; it may still tell the device"
        raise Refusal(HTTPStatus.GATEWAY_TIMEOUT, reason) from None
    finally:
        server.devices.give_up(number)
    if refusal == GONE:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{GONE}; try again")
    if refusal:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f"the broker refuses it ({refusal}); let this user write {name}/set/pause",
        )
    return encoded(wanted, HTTPStatus.ACCEPTED)


async def events(request: Request, server: Server) -> Response:
    """Streams server-sent events: all `devices` first, then every message of every device."""
    if request.method == "HEAD":
        return Response(media_type=EVENT_STREAM)
    with ExitStack() as held:
        listener = held.enter_context(server.hub.listening())
        # The listener exists before the snapshot: a message may come twice, but none is lost.
        first = snapshot(server.devices)
        resources = AsyncExitStack()
        resources.push(held.pop_all())
    return Stream(partial(server.hub.forward, listener, first), EVENT_STREAM, resources)


async def metrics(request: Request, server: Server) -> Response:
    """Returns figures for Prometheus."""
    pids = [*server.pool.pids]
    gauges = {
        "busy": ("Requests that are being read or wait for it.", float(server.pool.busy)),
        "live_pages": ("Pages that try it live.", float(server.live)),
        "listeners": ("Pages that follow devices.", float(server.hub.listeners)),
        "workers": ("Processes that read files.", float(len(pids))),
        "broker_connected": ("1 while the broker is connected.", server.devices.broker.connected),
        "rss_bytes": ("Resident memory of the server and its workers.", _rss_bytes(pids)),
    }
    body = server.metrics.render(gauges, device_lines(server.devices.online()))
    return Response(body, headers={"Content-Type": CONTENT_TYPE})


def _rss_bytes(pids: list[int]) -> float:
    total = 0.0
    for pid in (os.getpid(), *pids):
        with suppress(EmotiondError):  # it ended just now
            total += rss_mb(pid) * 1e6
    return total


def encoded(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Returns a value as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
