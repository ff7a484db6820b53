"""What is published: the JSON payloads, as types that also make their JSON Schemas."""

import uuid
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge import __version__
from edge.clock import Clock
from edge.emotions import EMOTIONS, Emotion, valence_arousal
from edge.episodes import Change, Phase, State
from edge.observation import Belief, Observation

SCHEMA_VERSION = "1.0"

Probability = Annotated[float, Meta(ge=0, le=1)]
Affect = Annotated[float, Meta(ge=-1, le=1)]
Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
DIGITS = 4
"""Decimal places of published figures."""


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
    faces: Annotated[int, Meta(ge=0)]


class EventData(StateData, frozen=True, kw_only=True):
    """One moment of an emotion's stay."""

    phase: Phase
    sequence: Annotated[int, Meta(ge=0)]
    """Counts the messages that share one id; id and sequence together are unique."""
    duration_s: Annotated[float, Meta(ge=0)]
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


SCHEMAS: dict[str, type[Envelope]] = {
    "state": StateMessage,
    "event": EventMessage,
    "modality": ModalityMessage,
    "info": InfoMessage,
}
"""The payload of each JSON topic; `modality` is that of every `<modality>/state`."""


def json_schema(topic: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a topic's payload; KeyError for a topic without one."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emotiond {topic} {SCHEMA_VERSION}",
        **msgspec.json.schema(SCHEMAS[topic]),
    }


class Composer:
    """Makes one device's messages."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source, self._clock = source, clock

    def state(self, state: State) -> StateMessage:
        """A state as it is published."""
        data = StateData(**_belief_fields(state))
        return StateMessage(**self._envelope(state.captured_s), data=data)

    def event(self, change: Change) -> EventMessage:
        """A change as it is published."""
        data = EventData(
            **_belief_fields(change.state),
            phase=change.phase,
            sequence=change.sequence,
            duration_s=round(change.duration_s, 3),
        )
        envelope = self._envelope(change.state.captured_s) | {"id": change.episode}
        return EventMessage(**envelope, data=data)

    def modality(self, observation: Observation) -> ModalityMessage:
        """One model's answer as it is published."""
        belief = Belief(observation.probabilities, {}, observation.captured_s)
        data = ModalityData(
            modality=observation.modality,
            emotion=belief.emotion,
            confidence=round(belief.confidence, DIGITS),
            probabilities=seven(observation.probabilities),
            native={label: round(p, DIGITS) for label, p in observation.native.items()},
            quality=round(observation.quality, DIGITS),
            subject=observation.subject,
        )
        return ModalityMessage(**self._envelope(observation.captured_s), data=data)

    def info(self, models: dict[str, ModelInfo], modalities: list[str]) -> InfoMessage:
        """What runs on this device."""
        data = InfoData(models=models, modalities=modalities)
        return InfoMessage(**self._envelope(self._clock.now_s()), data=data)

    def _envelope(self, captured_s: float) -> dict[str, Any]:
        time = self._clock.utc(captured_s)
        return {"id": str(uuid.uuid4()), "source": self._source, "time": time}


def as_replayed(message: EventMessage) -> EventMessage:
    """The same event, marked as published after the fact."""
    data = msgspec.structs.replace(message.data, replayed=True)
    return msgspec.structs.replace(message, data=data)


def _belief_fields(state: State) -> dict[str, Any]:
    belief = state.belief
    valence, arousal = valence_arousal(belief.probabilities) if belief else (0.0, 0.0)
    return {
        "emotion": state.emotion,
        "confidence": round(state.confidence, DIGITS),
        "probabilities": seven(belief.probabilities) if belief else {},
        "valence": round(valence, DIGITS),
        "arousal": round(arousal, DIGITS),
        "contributions": (
            {name: round(share, DIGITS) for name, share in belief.contributions.items()}
            if belief
            else {}
        ),
        "subject": state.subject,
        "faces": state.faces,
    }


def seven(probabilities: Any) -> dict[Emotion, float]:
    """A distribution float32[7] as published: by name, rounded."""
    return {e: round(float(p), DIGITS) for e, p in zip(EMOTIONS, probabilities, strict=True)}
