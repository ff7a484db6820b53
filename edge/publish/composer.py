"""Composes the messages of one device from what the daemon knows."""

import uuid
from typing import Any

from edge.clock import Clock
from edge.emotions import DIGITS, by_emotion, valence_arousal
from edge.publish.messages import (
    ErrorMessage,
    EventMessage,
    HealthMessage,
    InfoMessage,
    ModalityMessage,
    ModelsMessage,
    StateMessage,
)
from edge.publish.payloads import (
    ErrorData,
    EventData,
    HealthData,
    InfoData,
    ModalityData,
    ModelInfo,
    ModelsData,
    StateData,
)
from edge.tracking.episodes import Change, State
from edge.values import Belief, Observation


class Composer:
    """Composes the messages of the device whose topics start with `source`."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source, self._clock = source, clock

    def state(self, state: State, paused: bool = False) -> StateMessage:
        """Composes a state."""
        data = StateData(**_belief_fields(state), paused=paused)
        return StateMessage(**self._envelope(state.captured_s), data=data)

    def event(self, change: Change) -> EventMessage:
        """Composes an event."""
        data = EventData(
            **_belief_fields(change.state),
            phase=change.phase,
            sequence=change.sequence,
            duration_s=round(change.duration_s, 3),
        )
        return EventMessage(**self._envelope(change.state.captured_s, change.episode), data=data)

    def modality(self, observation: Observation) -> ModalityMessage:
        """Composes one model's answer."""
        belief = Belief(observation.probabilities, {}, observation.captured_s)
        data = ModalityData(
            modality=observation.modality,
            emotion=belief.emotion,
            confidence=round(belief.confidence, DIGITS),
            probabilities=by_emotion(observation.probabilities),
            native={label: round(p, DIGITS) for label, p in observation.native.items()},
            quality=round(observation.quality, DIGITS),
            subject=observation.subject,
        )
        return ModalityMessage(**self._envelope(observation.captured_s), data=data)

    def info(self, models: dict[str, ModelInfo], modalities: list[str]) -> InfoMessage:
        """Composes the versions and models of this device."""
        data = InfoData(models=models, modalities=modalities)
        return InfoMessage(**self._envelope(self._clock.now_s()), data=data)

    def models(self, data: ModelsData) -> ModelsMessage:
        """Composes what is installed, now."""
        return ModelsMessage(**self._envelope(self._clock.now_s()), data=data)

    def health(self, data: HealthData) -> HealthMessage:
        """Composes the state of the daemon and its device, now."""
        return HealthMessage(**self._envelope(self._clock.now_s()), data=data)

    def error(self, command: str, reason: str) -> ErrorMessage:
        """Composes the reason for rejecting a command."""
        data = ErrorData(command=command, reason=reason)
        return ErrorMessage(**self._envelope(self._clock.now_s()), data=data)

    def _envelope(self, captured_s: float, name: str | None = None) -> dict[str, Any]:
        time = self._clock.utc(captured_s)
        envelope = {"id": name or str(uuid.uuid4()), "source": self._source, "time": time}
        return envelope if self._clock.is_set else envelope | {"clock": "unsynced"}


def _belief_fields(state: State) -> dict[str, Any]:
    belief = state.belief
    valence, arousal = valence_arousal(belief.probabilities) if belief else (0.0, 0.0)
    return {
        "emotion": state.emotion,
        "confidence": round(state.confidence, DIGITS),
        "probabilities": by_emotion(belief.probabilities) if belief else {},
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
