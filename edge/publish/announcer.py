"""Decides when a state is published; events always are."""

from edge.config import Mqtt
from edge.publish.composer import Composer
from edge.publish.messages import EventMessage, ModalityStatus
from edge.publish.publisher import Publisher
from edge.publish.unfinished import Unfinished
from edge.tracking.episodes import Change, State
from edge.values import MODALITIES, Observation

CONFIDENCE_STEP = 0.1
"""Smaller changes of confidence wait for the next heartbeat."""


class Announcer:
    """Publishes events at once, and the state on change and with every heartbeat.

    Answers of single modalities are published if `config.modality_states` is set.
    """

    def __init__(
        self, composer: Composer, publisher: Publisher, config: Mqtt, unfinished: Unfinished
    ) -> None:
        self._composer, self._publisher = composer, publisher
        self._unfinished = unfinished
        self._config = config
        self._modality_published_s: dict[str, float] = {}
        self._published: State | None = None
        self._published_s = 0.0
        self._published_paused = False

    def announce(
        self, changes: list[Change], state: State, now_s: float, paused: bool = False
    ) -> None:
        """Publishes changes, and the state if it is due at `now_s`."""
        for change in changes:
            self._announce(self._composer.event(change))
        if changes or paused != self._published_paused or self._is_due(state, now_s):
            self._published, self._published_s, self._published_paused = state, now_s, paused
            self._publisher.publish(self._composer.state(state, paused))

    def _announce(self, event: EventMessage) -> None:
        """Publishes an event so that a crash at any moment leaves no episode without an end."""
        if event.data.phase == "end":
            self._publisher.publish(event)
            self._unfinished.note(event)
        else:
            self._unfinished.note(event)
            self._publisher.publish(event)

    def end_earlier_episodes(self) -> None:
        """Publishes the end of the episodes that a crash left unfinished."""
        for event in self._unfinished.take():
            self._publisher.publish(event)

    def announce_end(self, state: State, paused: bool) -> None:
        """Publishes that nothing is read any more: what is retained must not look current."""
        self._publisher.publish(self._composer.state(state, paused))
        for modality in MODALITIES:
            self._publisher.publish(ModalityStatus(modality, "off"))

    def announce_modality(self, observation: Observation, now_s: float) -> None:
        """Publishes one model's answer, unless its last one was too recent."""
        if not self._config.modality_states:
            return
        published_s = self._modality_published_s.get(observation.modality)
        if published_s is None or now_s - published_s >= self._config.modality_interval_s:
            self._modality_published_s[observation.modality] = now_s
            self._publisher.publish(self._composer.modality(observation))

    def _is_due(self, state: State, now_s: float) -> bool:
        published = self._published
        if published is None or (state.emotion, state.subject) != (
            published.emotion,
            published.subject,
        ):
            return True
        since_s = now_s - self._published_s
        stepped = abs(state.confidence - published.confidence) >= CONFIDENCE_STEP
        stepped |= state.faces != published.faces
        return since_s >= self._config.heartbeat_s or (
            stepped and since_s >= self._config.min_interval_s
        )
