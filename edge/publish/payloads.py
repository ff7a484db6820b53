"""Data of each message: what stands under `data` in its JSON."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge import __version__
from edge.emotions import Emotion
from edge.machine import Throttle
from edge.tracking.episodes import Phase

SCHEMA_VERSION = "1.0"

Probability = Annotated[float, Meta(ge=0, le=1)]
Affect = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]
NotNegative = Annotated[float, Meta(ge=0)]
ModelsState = Literal["idle", "fetching", "checking", "starting", "installed", "failed"]
LoadReason = Literal["cpu", "temperature", "throttled"]


class StateData(msgspec.Struct, frozen=True, kw_only=True):
    """The current belief about the primary subject."""

    emotion: Emotion | Literal["unknown"]
    confidence: Probability
    probabilities: dict[Emotion, Probability]
    """Empty while nothing is observed."""
    valence: Affect
    arousal: Affect
    contributions: dict[str, Probability]
    """Share of each modality in the belief; they sum to one."""
    subject: int
    faces: Count
    paused: bool = False
    """True while capture is paused on request."""


class EventData(StateData, frozen=True, kw_only=True):
    """One moment of an emotion's episode."""

    phase: Phase
    sequence: Count
    """Counts the messages that share one id; id and sequence together are unique."""
    duration_s: NotNegative
    replayed: bool = False
    """True if the broker was away when it happened."""


class ModelInfo(msgspec.Struct, frozen=True):
    """A model in use."""

    name: str
    version: str
    sha256: str


class InfoData(msgspec.Struct, frozen=True, kw_only=True):
    """Versions and models that run on the device."""

    version: str = __version__
    schema_version: str = SCHEMA_VERSION
    models: dict[str, ModelInfo]
    """By modality."""
    modalities: list[str]
    """Enabled modalities."""


class ModelsData(msgspec.Struct, frozen=True, kw_only=True):
    """Installed bundle of models, and what became of the last one that was asked for."""

    state: ModelsState
    """`starting`: in use, but returned to the one before unless the daemon becomes ready."""
    version: str
    """Version in use; empty for the models of `models.folder`."""
    previous: str
    """Version before it, which `emotiond models rollback` returns to; empty for none."""
    wanted: str
    """Version that is being installed, or was not."""
    reason: str
    """Why it was not installed; empty unless the state is `failed`."""


class ModalityData(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of a single model."""

    modality: str
    emotion: Emotion
    confidence: Probability
    probabilities: dict[Emotion, Probability]
    native: dict[str, Probability]
    """Probability of each of the model's own labels."""
    quality: Probability
    subject: int


class StageData(msgspec.Struct, frozen=True, kw_only=True):
    """Performance of one stage since the last health message."""

    per_s: NotNegative
    """Samples per second."""
    p50_ms: NotNegative
    """Median duration."""
    p99_ms: NotNegative
    failed: Count


class DeliveryData(msgspec.Struct, frozen=True, kw_only=True):
    """Delivery of events to the broker."""

    reconnects: Count
    """Sessions with the broker after the first, since the start."""
    acknowledged: Count
    """Events acknowledged by the broker, since the start."""
    waiting: Count
    """Events waiting for the broker: the depth of the spool."""
    unwritten: Count
    """Waiting events that exist in memory only."""
    dropped: Count
    """Events dropped because of the limits of the spool, since the start."""


NOTHING_DELIVERED = DeliveryData(reconnects=0, acknowledged=0, waiting=0, unwritten=0, dropped=0)


class LoadData(msgspec.Struct, frozen=True, kw_only=True):
    """Reductions that keep the daemon within the limits of `load` in its configuration."""

    level: Count
    """0 runs everything as configured."""
    reason: LoadReason | None
    """Cause of the last step up; null at level 0."""
    fps: NotNegative
    """Maximum frames per second that are processed."""
    detect_every: Count
    """Frames from one detection of faces to the next."""


class HealthData(msgspec.Struct, frozen=True, kw_only=True):
    """State of the daemon and its device."""

    uptime_s: NotNegative
    stages: dict[str, StageData]
    """By name: `face`, `speech` and `text` from sample to observation, `fusion` from there on."""
    dropped: dict[str, Count]
    """Samples replaced by newer ones before they were read, by queue, since the start."""
    queued: dict[str, Count]
    """Samples waiting to be read, by queue."""
    delivery: DeliveryData
    load: LoadData
    rss_mb: NotNegative
    """10^6 bytes."""
    cpu_percent: NotNegative
    """Percent of one core, since the last health message."""
    temperature_c: float | None
    """Temperature of the hottest sensor; null if the device has none."""
    throttled: list[Throttle] | None
    """Conditions that slow the device down now; null if it does not report them."""


class ErrorData(msgspec.Struct, frozen=True, kw_only=True):
    """Reason for rejecting a command."""

    command: str
    """Topic below the device's: `set/text` and so on; or one of `text.topics`."""
    reason: str
    """A sentence that never quotes the payload."""
