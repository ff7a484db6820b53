"""Follows everybody in view and assigns voice and text to the primary subject."""

import logging
import math
import uuid
from collections.abc import Callable
from dataclasses import replace

from edge.config import Fusion, Tracking
from edge.fusion.model import FusionModel
from edge.throttled_log import ThrottledLog
from edge.tracking.episodes import Change, State
from edge.tracking.person import Person
from edge.values import MODALITIES, UNKNOWN_SUBJECT, Observation, Sighting, invalid_reason

logger = logging.getLogger(__name__)

MAX_SUBJECTS = 64
# Threads may read the clock in a different order than their observations arrive.
MAX_LEAD_S = 1.0


class Tracker:
    """Follows every subject in view; voice and text belong to the primary one.

    While nobody is in view they belong to UNKNOWN_SUBJECT, who becomes the first person to come
    into view. Invalid observations are logged and change nothing. `started_s` is the time at
    which tracking starts, with nothing known. Updates of an episode come at least
    `min_interval_s` apart.
    """

    def __init__(
        self,
        tracking: Tracking,
        fusion: Fusion,
        model: FusionModel,
        started_s: float,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        min_interval_s: float = 0.0,
    ) -> None:
        self._tracking, self._fusion, self._model = tracking, fusion, model
        self._min_interval_s = min_interval_s
        self._new_id = new_id
        self._modalities = {*MODALITIES, *fusion.outside}
        self._log = ThrottledLog(logger)
        self._people: dict[int, Person] = {}
        self._primary = UNKNOWN_SUBJECT
        self._faces = 0
        self._seen_s = self._changed_s = self._now_s = started_s

    @property
    def state(self) -> State:
        """Current belief about the primary subject."""
        if (person := self._people.get(self._primary)) is not None:
            return person.state
        return State("unknown", None, self._faces, self._primary, self._changed_s)

    def states(self) -> list[State]:
        """Returns the current belief about each subject, in order of their numbers."""
        return [self._people[subject].state for subject in sorted(self._people)]

    def observe(self, item: Observation | Sighting, now_s: float | None = None) -> list[Change]:
        """Processes an observation or sighting; returns the resulting changes, oldest first.

        With `now_s`, observations in the future and those that are too old are refused.
        """
        if now_s is not None:
            self._now_s = now_s
        elif math.isfinite(item.captured_s):
            self._now_s = item.captured_s
        if isinstance(item, Sighting):
            return self._observe_sighting(item) if math.isfinite(item.captured_s) else []
        subject = self._primary if item.subject == UNKNOWN_SUBJECT else item.subject
        if subject not in (*self._people, self._primary):
            self._refuse(item, "its subject is not in view")
            return []
        return self._observe_subject(subject, item)

    def pass_time(self, now_s: float) -> list[Change]:
        """Confirms or ends beliefs by the passage of time; see `fusion.max_age_s`."""
        self._now_s = now_s
        changes: list[Change] = []
        for person in list(self._people.values()):
            changes += person.pass_time(now_s)
        # A camera without pictures no longer shows who is present.
        in_view = self._faces or self._primary or self._people.keys() - {UNKNOWN_SUBJECT}
        if in_view and now_s - self._seen_s > self._fusion.max_age_s:
            changes += self._update_presence(frozenset(), 0, UNKNOWN_SUBJECT, now_s)
        return changes

    def finish(self, now_s: float) -> list[Change]:
        """Ends everybody's episodes and starts from scratch."""
        changes = [one for person in self._people.values() for one in person.finish(now_s)]
        self._people, self._primary, self._faces = {}, UNKNOWN_SUBJECT, 0
        self._changed_s = now_s
        return changes

    def _observe_sighting(self, sighting: Sighting) -> list[Change]:
        self._seen_s = max(sighting.captured_s, self._seen_s)
        primary = sighting.primary_subject or UNKNOWN_SUBJECT
        changes = self._update_presence(
            sighting.tracked, sighting.faces, primary, sighting.captured_s
        )
        for observation in sighting.observations:
            changes += self._observe_subject(observation.subject, observation)
        return changes

    def _update_presence(
        self, followed: frozenset[int], faces: int, primary: int, now_s: float
    ) -> list[Change]:
        """Ends the episodes of people who left, and stores who is present."""
        changes: list[Change] = []
        for subject in sorted(self._people.keys() - followed - {UNKNOWN_SUBJECT, primary}):
            changes += self._people.pop(subject).finish(now_s)
            self._changed_s = now_s
        if (
            primary != UNKNOWN_SUBJECT
            and (heard := self._people.pop(UNKNOWN_SUBJECT, None)) is not None
        ):
            if primary in self._people:
                changes += heard.finish(now_s)
            else:
                heard.rename(primary)
                self._people[primary] = heard
        self._primary, self._faces = primary, faces
        for person in self._people.values():
            person.count_faces(faces)
        return changes

    def _observe_subject(self, subject: int, observation: Observation) -> list[Change]:
        if (refused := self.refusal(observation)) is not None:
            self._refuse(observation, refused)
            return []
        person = self._people.get(subject)
        newest_s = person.newest_s(observation.modality) if person is not None else None
        if newest_s is not None and observation.captured_s < newest_s:
            self._refuse(observation, "it is older than the previous one")
            return []
        if person is None:
            if len(self._people) >= MAX_SUBJECTS:
                self._refuse(observation, f"no more than {MAX_SUBJECTS} subjects are followed")
                return []
            person = self._people[subject] = Person(
                subject,
                self._tracking,
                self._fusion,
                self._model,
                observation.captured_s,
                self._new_id,
                self._min_interval_s,
            )
            person.count_faces(self._faces)
        if observation.subject != subject:
            observation = replace(observation, subject=subject)
        return person.observe(observation)

    def refusal(self, observation: Observation) -> str | None:
        """Returns the reason to ignore an observation of any subject, None if there is none."""
        if (wrong := invalid_reason(observation)) is not None:
            return wrong
        if observation.modality not in self._modalities:
            return "its modality is not listed in fusion.outside"
        if observation.captured_s > self._now_s + MAX_LEAD_S:
            return "its time is in the future"
        if observation.captured_s < self._now_s - self._fusion.max_age_s:
            return "it is older than fusion.max_age_s"
        return None

    def _refuse(self, observation: Observation, reason: str) -> None:
        modality = observation.modality[:32]
        message = f"an observation of {modality!r}, subject {observation.subject}, is ignored"
        self._log.warning(reason, f"{message}: {reason}", self._now_s)
