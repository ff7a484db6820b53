"""One subject: what is observed of it, fused, smoothed, and told as episodes."""

from collections.abc import Callable
from dataclasses import replace

from edge.config import Fusion, Tracking
from edge.emotions import FloatArray
from edge.fusion.model import FusionModel
from edge.fusion.pooling import STRATEGIES, fuse
from edge.tracking.episodes import Change, Episodes, State
from edge.tracking.resting_face import Resting
from edge.tracking.smoothing import Smoothing
from edge.values import Belief, Observation

# One picture is a moment, and must be confirmed by the next; a text or a stretch of speech is a
# statement that stands until something speaks against it.
MOMENTARY = frozenset({"face"})


def _rank(observation: Observation) -> tuple[float, ...]:
    """By which of two observations of one modality and moment is chosen, in whichever order."""
    return observation.quality, *observation.probabilities.tolist()


class Person:
    """Follows one subject; `started_s` is the moment from which nothing is known of it."""

    def __init__(
        self,
        subject: int,
        tracking: Tracking,
        fusion: Fusion,
        model: FusionModel,
        started_s: float,
        new_id: Callable[[], str],
    ) -> None:
        self._tracking, self._fusion, self._model = tracking, fusion, model
        self._strategy = STRATEGIES[fusion.strategy]
        self._newest: dict[str, Observation] = {}
        self._resting = Resting(tracking.resting_face, model.rest)
        self._beyond_rest: dict[str, FloatArray] = {}
        self._smoothing = Smoothing(tracking.smoothing_s)
        self._episodes = Episodes(tracking, subject, started_s, new_id)

    @property
    def state(self) -> State:
        """What is believed of this subject now."""
        return self._episodes.state

    def rename(self, subject: int) -> None:
        """Takes the subject for another one: who was heard before is now seen."""
        self._episodes.subject = subject

    def count_faces(self, faces: int) -> None:
        """Notes how many faces there are in sight, which states and events tell."""
        self._episodes.faces = faces

    def observe(self, observation: Observation) -> list[Change]:
        """Takes in what was observed; gives the changes it leads to, oldest first.

        Of two of one modality and moment, the one of better quality counts.
        """
        before = self._newest.get(observation.modality)
        if before is not None and before.captured_s == observation.captured_s:
            observation = max(before, observation, key=_rank)
        self._newest[observation.modality] = observation
        if observation.modality in MOMENTARY and self._tracking.resting_face.enabled:
            seen = self._resting.see(observation.probabilities, observation.captured_s)
            self._beyond_rest[observation.modality] = seen
        now_s = max(one.captured_s for one in self._newest.values())
        self._forget_old(now_s)
        # By name, so that the order of what arrives at one moment does not matter.
        known = [self._told(self._newest[modality]) for modality in sorted(self._newest)]
        belief = fuse(known, self._strategy, self._model, now_s, self._fusion.half_life_s)
        smoothed = self._smoothing.take(belief.probabilities, belief.captured_s)
        belief = Belief(smoothed, belief.contributions, belief.captured_s)
        return list(self._episodes.follow(belief, now_s))

    def newest_s(self, modality: str) -> float | None:
        """When a modality was last observed, unless that is forgotten."""
        newest = self._newest.get(modality)
        return None if newest is None else newest.captured_s

    def pass_time(self, now_s: float) -> list[Change]:
        """Lets statements take effect, and ends what is older than `fusion.max_age_s`."""
        self._forget_old(now_s)
        belief = self.state.belief
        if belief is None:
            return []
        if not self._newest:
            return self.finish(now_s)
        newest = max(self._newest.values(), key=lambda one: one.captured_s)
        if not self._episodes.on_trial or newest.modality in MOMENTARY:
            return []
        return list(self._episodes.follow(belief, now_s))

    def finish(self, now_s: float) -> list[Change]:
        """Ends what is believed, but for what the face looks like at rest."""
        self._newest = {}
        self._smoothing = Smoothing(self._tracking.smoothing_s)
        return list(self._episodes.finish(now_s))

    def _told(self, observation: Observation) -> Observation:
        """What an observation tells beyond the resting face."""
        seen = self._beyond_rest.get(observation.modality)
        return observation if seen is None else replace(observation, probabilities=seen)

    def _forget_old(self, now_s: float) -> None:
        oldest_s = now_s - self._fusion.max_age_s
        self._newest = {
            modality: one for modality, one in self._newest.items() if one.captured_s >= oldest_s
        }
