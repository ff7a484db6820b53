"""What is known of the devices of a broker, as the API describes it."""

from typing import Any

import msgspec

from edge.publish.payloads import HealthData, InfoData, StateData


class Published(msgspec.Struct, frozen=True):
    """One message, as it is handed to pages."""

    device: str
    name: str
    """Topic below the device's, such as `state`."""
    payload: Any
    """JSON of a message, or the text of a status; null for what was removed from the broker."""
    retained: bool = False


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A belief in the history: `[time, emotion, confidence, valence, arousal]`."""

    time_s: float
    """Seconds since 1970."""
    emotion: str
    confidence: float
    valence: float
    arousal: float


class Episode(msgspec.Struct, frozen=True):
    """What the newest event of an episode said."""

    id: str
    time: str
    """When it was published, RFC 3339."""
    phase: str
    """`start`, `update` or `end`."""
    emotion: str
    confidence: float
    duration_s: float


class Device(msgspec.Struct, kw_only=True):
    """A device as its messages describe it; what it has not published is null."""

    device: str
    status: str | None = None
    """`online` or `offline`."""
    modalities: dict[str, str] = {}
    """Status of each modality: `ok`, `degraded: reason` or `off`."""
    state: StateData | None = None
    info: InfoData | None = None
    health: HealthData | None = None
    history: list[Point] = []
    """The last hour."""
    events: list[Episode] = []
    """Up to twenty episodes, the one with the newest event first."""


class Broker(msgspec.Struct, frozen=True):
    """The connection to the broker."""

    connected: bool
    address: str
    reason: str
    """The newest sentence of the connection: that it stands, or why not and what to do."""


class Devices(msgspec.Struct, frozen=True):
    """Every device, and whether the broker that says so can be reached."""

    broker: Broker
    devices: list[Device]


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to close or open a device's camera and microphone."""

    paused: bool
