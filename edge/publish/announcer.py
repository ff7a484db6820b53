"""Decides when a state is worth a message; events always are."""

from edge.config import Mqtt
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change, State
from edge.values import Observation

CONFIDENCE_STEP = 0.1
"""A smaller change of confidence waits for the next heartbeat."""
SHORTEST_GAP_S = 0.5
"""Between two states that do not differ in the emotion."""


class Announcer:
    """Publishes events at once, and the state on change and with every heartbeat.

    Each modality's own answers follow only where `config.modality_states` asks for them.
    """

    def __init__(self, composer: Composer, publisher: Publisher, config: Mqtt) -> None:
        self._composer, self._publisher = composer, publisher
        self._config = config
        self._modality_told_s: dict[str, float] = {}
        self._told: State | None = None
        self._told_s = 0.0
        self._told_paused = False

    def announce(
        self, changes: list[Change], state: State, now_s: float, paused: bool = False
    ) -> None:
        """Publishes what is new at `now_s`."""
        for change in changes:
            self._publisher.publish_event(self._composer.event(change))
        if changes or paused != self._told_paused or self._is_due(state, now_s):
            self._told, self._told_s, self._told_paused = state, now_s, paused
            self._publisher.publish_state(self._composer.state(state, paused))

    def announce_modality(self, observation: Observation, now_s: float) -> None:
        """Publishes one model's answer, unless its last one is too fresh."""
        if not self._config.modality_states:
            return
        told_s = self._modality_told_s.get(observation.modality)
        if told_s is None or now_s - told_s >= self._config.modality_interval_s:
            self._modality_told_s[observation.modality] = now_s
            self._publisher.publish_modality(self._composer.modality(observation))

    def _is_due(self, state: State, now_s: float) -> bool:
        told = self._told
        if told is None or (state.emotion, state.subject) != (told.emotion, told.subject):
            return True
        since_s = now_s - self._told_s
        stepped = abs(state.confidence - told.confidence) >= CONFIDENCE_STEP
        stepped |= state.faces != told.faces
        return since_s >= self._config.heartbeat_s or (stepped and since_s >= SHORTEST_GAP_S)
