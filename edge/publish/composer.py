"""Makes the messages of one device."""

import uuid
from typing import Any

from edge.clock import Clock
from edge.emotions import EMOTIONS, Emotion, valence_arousal
from edge.publish.messages import (
    ErrorData,
    ErrorMessage,
    EventData,
    EventMessage,
    HealthData,
    HealthMessage,
    InfoData,
    InfoMessage,
    ModalityData,
    ModalityMessage,
    ModelInfo,
    StateData,
    StateMessage,
)
from edge.tracking.episodes import Change, State
from edge.values import Belief, Observation

DIGITS = 4
"""Decimal places of published figures."""


class Composer:
    """Makes one device's messages."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source, self._clock = source, clock

    def state(self, state: State, paused: bool = False) -> StateMessage:
        """A state as it is published."""
        data = StateData(**_belief_fields(state), paused=paused)
        return StateMessage(**self._envelope(state.captured_s), data=data)

    def event(self, change: Change) -> EventMessage:
        """A change as it is published."""
        data = EventData(
            **_belief_fields(change.state),
            phase=change.phase,
            sequence=change.sequence,
            duration_s=round(change.duration_s, 3),
        )
        return EventMessage(**self._envelope(change.state.captured_s, change.episode), data=data)

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

    def health(self, data: HealthData) -> HealthMessage:
        """How daemon and device are, now."""
        return HealthMessage(**self._envelope(self._clock.now_s()), data=data)

    def error(self, command: str, reason: str) -> ErrorMessage:
        """Why a command was not obeyed."""
        data = ErrorData(command=command, reason=reason)
        return ErrorMessage(**self._envelope(self._clock.now_s()), data=data)

    def _envelope(self, captured_s: float, name: str | None = None) -> dict[str, Any]:
        time = self._clock.utc(captured_s)
        return {"id": name or str(uuid.uuid4()), "source": self._source, "time": time}


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
    rounded = [round(p, DIGITS) for p in probabilities.tolist()]
    return dict(zip(EMOTIONS, rounded, strict=True))
