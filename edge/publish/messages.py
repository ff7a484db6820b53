"""Messages of a device: their topics, payloads and JSON Schemas.

Each class says where it is published and how it is delivered; see docs/mqtt.md for the contract.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec
from msgspec import Meta

from edge.clock import utc
from edge.errors import PayloadError
from edge.publish.payloads import (
    SCHEMA_VERSION,
    ErrorData,
    EventData,
    HealthData,
    InfoData,
    ModalityData,
    ModelsData,
    StateData,
)

Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


class Delivery(Enum):
    """Guarantee of a message while the broker is away."""

    RETAINED = auto()
    """QoS 1, retained; the newest of each topic is published again with every session."""
    EVENT = auto()
    """QoS 1, on the topic `event`; kept, on disk if need be, until it is acknowledged."""
    BEST_EFFORT = auto()
    """QoS 0; dropped while the broker is away."""


class Message(Protocol):
    """Anything a device publishes."""

    delivery: ClassVar[Delivery]

    @property
    def topic(self) -> str:
        """Topic below the device's own, such as `state`."""

    def encode(self) -> bytes:
        """Returns the payload."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON message with the attributes of CloudEvents 1.0."""

    name: ClassVar[str]
    """Name of its schema, and its topic unless it says otherwise."""
    delivery: ClassVar[Delivery]

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    """The device's topic, `<prefix>/<device>`."""
    time: Timestamp
    """Capture time of the newest sample behind the message, UTC."""
    clock: Literal["unsynced"] | msgspec.UnsetType = msgspec.UNSET
    """Present if the device's clock was not set yet, so that `time` is wrong."""

    @property
    def topic(self) -> str:
        """Topic below the device's own."""
        return self.name

    def encode(self) -> bytes:
        """Returns the payload, JSON in UTF-8."""
        return msgspec.json.encode(self)


class StateMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `state`, retained."""

    name: ClassVar[str] = "state"
    delivery: ClassVar[Delivery] = Delivery.RETAINED
    type: Literal["emotiond.state"] = "emotiond.state"
    data: StateData


class EventMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `event`; all messages of one episode share its `id`."""

    name: ClassVar[str] = "event"
    delivery: ClassVar[Delivery] = Delivery.EVENT
    type: Literal["emotiond.event"] = "emotiond.event"
    data: EventData


class ModalityMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `<modality>/state`."""

    name: ClassVar[str] = "modality"
    delivery: ClassVar[Delivery] = Delivery.BEST_EFFORT
    type: Literal["emotiond.modality"] = "emotiond.modality"
    data: ModalityData

    @property
    def topic(self) -> str:
        """`<modality>/state`."""
        return f"{self.data.modality}/state"


class InfoMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `info`, retained."""

    name: ClassVar[str] = "info"
    delivery: ClassVar[Delivery] = Delivery.RETAINED
    type: Literal["emotiond.info"] = "emotiond.info"
    data: InfoData


class ModelsMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `models`, retained."""

    name: ClassVar[str] = "models"
    delivery: ClassVar[Delivery] = Delivery.RETAINED
    type: Literal["emotiond.models"] = "emotiond.models"
    data: ModelsData


class HealthMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `health`."""

    name: ClassVar[str] = "health"
    delivery: ClassVar[Delivery] = Delivery.BEST_EFFORT
    type: Literal["emotiond.health"] = "emotiond.health"
    data: HealthData


class ErrorMessage(Envelope, frozen=True, kw_only=True):
    """Payload of `error`."""

    name: ClassVar[str] = "error"
    delivery: ClassVar[Delivery] = Delivery.BEST_EFFORT
    type: Literal["emotiond.error"] = "emotiond.error"
    data: ErrorData


@dataclass(frozen=True)
class ModalityStatus:
    """`<modality>/status`: `ok`, `degraded: reason` or `off`, as plain text, retained."""

    delivery: ClassVar[Delivery] = Delivery.RETAINED
    modality: str
    status: str

    @property
    def topic(self) -> str:
        """`<modality>/status`."""
        return f"{self.modality}/status"

    def encode(self) -> bytes:
        """Returns the payload, UTF-8."""
        return self.status.encode()


SCHEMAS: dict[str, type[Envelope]] = {one.name: one for one in Envelope.__subclasses__()}
"""Every JSON message by its name; `modality` is that of every `<modality>/state`."""


def json_schema(name: str) -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) of a message by name; raises KeyError for others."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emotiond {name} {SCHEMA_VERSION}",
        **msgspec.json.schema(SCHEMAS[name]),
    }


def amended(event: bytes, replayed: bool = False, shift_s: float = 0.0) -> bytes:
    """Marks an event message of any version as published after the fact, and moves its time.

    Raises PayloadError if the bytes are not an event message.
    """
    try:
        message = msgspec.json.decode(event)
        if replayed:
            message["data"]["replayed"] = True
        if shift_s:
            moment = datetime.fromisoformat(message["time"].replace("Z", "+00:00"))
            message["time"] = utc(moment.timestamp() + shift_s)
            message.pop("clock", None)
        return msgspec.json.encode(message)
    except (
        msgspec.MsgspecError,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        reason = type(error).__name__
    except RecursionError:
        reason = "nested too deeply"
    raise PayloadError(f"not an event message ({reason})")
