"""Who is there, what is believed of each, and who is spoken of by voice and text."""

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
from edge.values import MODALITIES, NOBODY_SEEN, Observation, Sighting, fault

logger = logging.getLogger(__name__)

MOST_SUBJECTS = 64
# Clocks of threads may be read in another order than their answers arrive.
FUTURE_S = 1.0


class Tracker:
    """Follows every subject in sight; voice and text belong to the primary one.

    While nobody is in sight they belong to the subject NOBODY_SEEN, who is taken for the first to
    come into sight. What is no valid observation is logged and changes nothing. `started_s` is the
    moment from which nothing is known.
    """

    def __init__(
        self,
        tracking: Tracking,
        fusion: Fusion,
        model: FusionModel,
        started_s: float,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._tracking, self._fusion, self._model = tracking, fusion, model
        self._new_id = new_id
        self._modalities = {*MODALITIES, *fusion.outside}
        self._log = ThrottledLog(logger)
        self._people: dict[int, Person] = {}
        self._primary = NOBODY_SEEN
        self._faces = 0
        self._seen_s = self._changed_s = self._now_s = started_s

    @property
    def state(self) -> State:
        """What is believed now of the primary subject."""
        if (person := self._people.get(self._primary)) is not None:
            return person.state
        return State("unknown", None, self._faces, self._primary, self._changed_s)

    def states(self) -> list[State]:
        """What is believed now of each subject, in the order of their numbers."""
        return [self._people[subject].state for subject in sorted(self._people)]

    def observe(self, item: Observation | Sighting, now_s: float | None = None) -> list[Change]:
        """Takes in what was perceived; gives the changes it leads to, oldest first.

        Where it is told what time it is, what lies in the future or is too old is refused.
        """
        if now_s is not None:
            self._now_s = now_s
        elif math.isfinite(item.captured_s):
            self._now_s = item.captured_s
        if isinstance(item, Sighting):
            return self._see(item) if math.isfinite(item.captured_s) else []
        subject = self._primary if item.subject == NOBODY_SEEN else item.subject
        if subject not in (*self._people, self._primary):
            self._refuse(item, "it tells of a subject that is not in sight")
            return []
        return self._take(subject, item)

    def pass_time(self, now_s: float) -> list[Change]:
        """Lets statements take effect, and ends what is older than `fusion.max_age_s`."""
        self._now_s = now_s
        changes: list[Change] = []
        for person in list(self._people.values()):
            changes += person.pass_time(now_s)
        # A camera that shows nothing any more does not tell who is there.
        in_sight = self._faces or self._primary or self._people.keys() - {NOBODY_SEEN}
        if in_sight and now_s - self._seen_s > self._fusion.max_age_s:
            changes += self._keep(frozenset(), 0, NOBODY_SEEN, now_s)
        return changes

    def finish(self, now_s: float) -> list[Change]:
        """Ends what is believed of everyone and starts afresh."""
        changes = [one for person in self._people.values() for one in person.finish(now_s)]
        self._people, self._primary, self._faces = {}, NOBODY_SEEN, 0
        self._changed_s = now_s
        return changes

    def _see(self, sighting: Sighting) -> list[Change]:
        self._seen_s = max(sighting.captured_s, self._seen_s)
        primary = sighting.primary_subject or NOBODY_SEEN
        changes = self._keep(sighting.followed, sighting.faces, primary, sighting.captured_s)
        for observation in sighting.observations:
            changes += self._take(observation.subject, observation)
        return changes

    def _keep(
        self, followed: frozenset[int], faces: int, primary: int, now_s: float
    ) -> list[Change]:
        """Ends what is believed of who has left, and notes who is there."""
        changes: list[Change] = []
        for subject in sorted(self._people.keys() - followed - {NOBODY_SEEN, primary}):
            changes += self._people.pop(subject).finish(now_s)
            self._changed_s = now_s
        if primary != NOBODY_SEEN and (heard := self._people.pop(NOBODY_SEEN, None)) is not None:
            if primary in self._people:
                changes += heard.finish(now_s)
            else:
                heard.rename(primary)
                self._people[primary] = heard
        self._primary, self._faces = primary, faces
        for person in self._people.values():
            person.count_faces(faces)
        return changes

    def _take(self, subject: int, observation: Observation) -> list[Change]:
        if (refused := self.refusal(observation)) is not None:
            self._refuse(observation, refused)
            return []
        person = self._people.get(subject)
        newest_s = person.newest_s(observation.modality) if person is not None else None
        if newest_s is not None and observation.captured_s < newest_s:
            self._refuse(observation, "it is older than the one before it")
            return []
        if person is None:
            if len(self._people) >= MOST_SUBJECTS:
                self._refuse(observation, f"more than {MOST_SUBJECTS} subjects are not followed")
                return []
            person = self._people[subject] = Person(
                subject,
                self._tracking,
                self._fusion,
                self._model,
                observation.captured_s,
                self._new_id,
            )
            person.count_faces(self._faces)
        if observation.subject != subject:
            observation = replace(observation, subject=subject)
        return person.observe(observation)

    def refusal(self, observation: Observation) -> str | None:
        """Why an observation is ignored, whomever it tells of; None where it is not."""
        if (wrong := fault(observation)) is not None:
            return wrong
        if observation.modality not in self._modalities:
            return "fusion.outside does not name this modality"
        if observation.captured_s > self._now_s + FUTURE_S:
            return "its time is still to come"
        if observation.captured_s < self._now_s - self._fusion.max_age_s:
            return "it is older than fusion.max_age_s"
        return None

    def _refuse(self, observation: Observation, reason: str) -> None:
        modality = observation.modality[:32]
        message = f"an observation of {modality!r}, subject {observation.subject}, is ignored"
        self._log.warning(reason, f"{message}: {reason}", self._now_s)
