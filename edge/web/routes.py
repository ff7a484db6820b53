"""Every endpoint of the API: what serves it, and what its documentation says."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from edge.web import information, predictions
from edge.web.answers import Faces
from edge.web.device_values import Device, Devices, Pause
from edge.web.information import Health, Model
from edge.web.predictions import TextRequest
from edge.web.state import Server
from emotiond import Clip, Result

Handler = Callable[[Request, Server], Awaitable[Response]]


class Endpoint(NamedTuple):
    """One endpoint; its summary is the first line of the handler's docstring."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    answer: Any
    """Type of the answer's JSON, or its media type."""
    body: Any = None
    """Type of the request's JSON, or the names of the parts of its form."""
    refusals: tuple[int, ...] = ()
    """Statuses besides 200 that it gives by itself."""

    @property
    def summary(self) -> str:
        """One sentence."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


READING = (408, 413, 415, 422, 429, 503)
ENDPOINTS = (
    Endpoint("GET", "/api/health", information.health, Health),
    Endpoint("POST", "/api/predict", predictions.text, Result, TextRequest, READING),
    Endpoint("POST", "/api/predict/image", predictions.image, Faces, ("image",), READING),
    Endpoint("POST", "/api/predict/audio", predictions.audio, Result, ("audio",), READING),
    Endpoint("POST", "/api/predict/video", predictions.video, Clip, ("video",), READING),
    Endpoint(
        "POST",
        "/api/predict/fused",
        predictions.fused,
        Result,
        ("image", "audio", "text"),
        READING,
    ),
    Endpoint("GET", "/api/models", information.models, list[Model], None, (503,)),
    Endpoint("GET", "/api/devices", information.devices, Devices),
    Endpoint("GET", "/api/devices/{device}", information.device, Device, None, (404,)),
    Endpoint(
        "POST",
        "/api/devices/{device}/pause",
        information.pause,
        Pause,
        Pause,
        (403, 404, 408, 413, 415, 422, 503, 504),
    ),
    Endpoint("GET", "/api/events", information.events, "text/event-stream", None, (429,)),
    Endpoint("GET", "/metrics", information.metrics, "text/plain"),
)
