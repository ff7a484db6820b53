"""What is published: the JSON payloads, as types that also make their JSON Schemas."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge import __version__
from edge.emotions import Emotion
from edge.errors import PayloadError
from edge.machine import Throttle
from edge.tracking.episodes import Phase

SCHEMA_VERSION = "1.0"

Probability = Annotated[float, Meta(ge=0, le=1)]
Affect = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]
NotNegative = Annotated[float, Meta(ge=0)]
LoadReason = Literal["cpu", "temperature", "throttled"]
Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes that CloudEvents 1.0 gives every message."""

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    """The device's topic, `<prefix>/<device>`."""
    time: Timestamp
    """When what is told of was captured, UTC."""


class StateData(msgspec.Struct, frozen=True, kw_only=True):
    """The current belief."""

    emotion: Emotion | Literal["unknown"]
    confidence: Probability
    probabilities: dict[Emotion, Probability]
    """Empty while nothing is observed."""
    valence: Affect
    arousal: Affect
    contributions: dict[str, Probability]
    """Each modality's share in the belief; they add up to one."""
    subject: int
    faces: Count
    paused: bool = False
    """Whether nothing is captured, because somebody asked for it."""


class EventData(StateData, frozen=True, kw_only=True):
    """One moment of an emotion's stay."""

    phase: Phase
    sequence: Count
    """Counts the messages that share one id; id and sequence together are unique."""
    duration_s: NotNegative
    replayed: bool = False
    """Whether the broker was away when it happened."""


class ModelInfo(msgspec.Struct, frozen=True):
    """A model in use."""

    name: str
    version: str
    sha256: str


class InfoData(msgspec.Struct, frozen=True, kw_only=True):
    """What runs on the device."""

    version: str = __version__
    schema_version: str = SCHEMA_VERSION
    models: dict[str, ModelInfo]
    """By modality."""
    modalities: list[str]
    """Those that are enabled."""


class ModalityData(msgspec.Struct, frozen=True, kw_only=True):
    """What one model says by itself."""

    modality: str
    emotion: Emotion
    confidence: Probability
    probabilities: dict[Emotion, Probability]
    native: dict[str, Probability]
    """By the model's own labels."""
    quality: Probability
    subject: int


class StageData(msgspec.Struct, frozen=True, kw_only=True):
    """How one stage of the work went since the last health message."""

    per_s: NotNegative
    """Samples a second."""
    p50_ms: NotNegative
    """Half of them took less."""
    p99_ms: NotNegative
    failed: Count


class DeliveryData(msgspec.Struct, frozen=True, kw_only=True):
    """How events fare."""

    reconnects: Count
    """Sessions with the broker after the first, since the start."""
    acknowledged: Count
    """Events that the broker has, since the start."""
    waiting: Count
    """Events that wait for it now: the depth of the spool."""
    unwritten: Count
    """Of these, the ones in memory alone."""
    dropped: Count
    """Events given up for the bounds of the spool, since the start."""


class LoadData(msgspec.Struct, frozen=True, kw_only=True):
    """How far the daemon saves, to keep within the bounds of `load` in its configuration."""

    level: Count
    """0 asks for all that is configured."""
    reason: LoadReason | None
    """What the last level was taken for; null at level 0."""
    fps: NotNegative
    """Frames a second that are looked at, at most."""
    detect_every: Count
    """Frames from one detection of faces to the next."""


class HealthData(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon and its device are."""

    uptime_s: NotNegative
    stages: dict[str, StageData]
    """By name: `face`, `speech` and `text` from sample to observation, `fusion` from there on."""
    dropped: dict[str, Count]
    """Samples that newer ones replaced before they were read, by queue, since the start."""
    queued: dict[str, Count]
    """Samples that wait to be read now, by queue."""
    delivery: DeliveryData
    load: LoadData
    rss_mb: NotNegative
    """10^6 bytes."""
    cpu_percent: NotNegative
    """Of one core, since the last health message."""
    temperature_c: float | None
    """Of the hottest sensor; null where the device has none."""
    throttled: list[Throttle] | None
    """What slows the device down now; null where it does not tell."""


class ErrorData(msgspec.Struct, frozen=True, kw_only=True):
    """Why a command was not obeyed."""

    command: str
    """The topic below the device's: `set/text` and so on."""
    reason: str
    """A sentence; never quotes the payload."""


class StateMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `state`, retained."""

    type: Literal["emotiond.state"] = "emotiond.state"
    data: StateData


class EventMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `event`; every message of one stay has the same `id`."""

    type: Literal["emotiond.event"] = "emotiond.event"
    data: EventData


class ModalityMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `<modality>/state`."""

    type: Literal["emotiond.modality"] = "emotiond.modality"
    data: ModalityData


class InfoMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `info`, retained."""

    type: Literal["emotiond.info"] = "emotiond.info"
    data: InfoData


class HealthMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `health`."""

    type: Literal["emotiond.health"] = "emotiond.health"
    data: HealthData


class ErrorMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `error`."""

    type: Literal["emotiond.error"] = "emotiond.error"
    data: ErrorData


SCHEMAS: dict[str, type[Envelope]] = {
    "state": StateMessage,
    "event": EventMessage,
    "modality": ModalityMessage,
    "info": InfoMessage,
    "health": HealthMessage,
    "error": ErrorMessage,
}
"""The payload of each JSON topic; `modality` is that of every `<modality>/state`."""


def json_schema(topic: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a topic's payload; KeyError for a topic without one."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emotiond {topic} {SCHEMA_VERSION}",
        **msgspec.json.schema(SCHEMAS[topic]),
    }


def as_replayed(event: bytes) -> bytes:
    """The same event message, marked as published after the fact; of whatever version it is.

    Raises PayloadError where it is none.
    """
    try:
        message = msgspec.json.decode(event)
        message["data"]["replayed"] = True
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise PayloadError(f"not an event message ({type(error).__name__})") from None
    return msgspec.json.encode(message)
