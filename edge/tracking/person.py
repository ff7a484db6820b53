"""One subject: its observations, fused, smoothed and turned into episodes."""

from collections.abc import Callable
from dataclasses import replace

from edge.config import Fusion, Tracking
from edge.fusion.model import FusionModel
from edge.fusion.pooling import STRATEGIES, fuse
from edge.tracking.baseline import Baseline
from edge.tracking.episodes import Change, Episodes, State
from edge.tracking.smoothing import Smoothing
from edge.values import Belief, Observation

# A picture shows one moment and needs confirmation by the next; a text or an utterance holds until
# other evidence contradicts it.
MOMENTARY = frozenset({"face"})
MAX_STEP_S = 1.0
"""Longest time for which an observation counts; a person hidden for longer was not observed."""


def _rank(observation: Observation) -> tuple[float, ...]:
    """Sort key that chooses between two observations of one modality and moment."""
    return observation.quality, *observation.probabilities.tolist()


class Person:
    """Follows one subject from `started_s` on."""

    def __init__(
        self,
        subject: int,
        tracking: Tracking,
        fusion: Fusion,
        model: FusionModel,
        started_s: float,
        new_id: Callable[[], str],
        min_interval_s: float,
    ) -> None:
        self._tracking, self._fusion, self._model = tracking, fusion, model
        self._strategy = STRATEGIES[fusion.strategy]
        self._newest: dict[str, Observation] = {}
        self._baselines = {
            modality: Baseline(tracking.resting_face, expressions)
            for modality, expressions in model.expressions.items()
            if tracking.resting_face.enabled
        }
        self._moment_s = started_s
        self._settled: Belief | None = None
        """Belief at the end of the moment before `_moment_s`."""
        self._smoothing = Smoothing(tracking.smoothing_s)
        self._episodes = Episodes(tracking, subject, started_s, new_id, min_interval_s)

    @property
    def state(self) -> State:
        """Current belief about this subject."""
        return self._episodes.state

    def rename(self, subject: int) -> None:
        """Changes the subject's number: a person heard before is now seen."""
        self._episodes.subject = subject

    def count_faces(self, faces: int) -> None:
        """Sets the number of faces in view, which states and events report."""
        self._episodes.faces = faces

    def observe(self, observation: Observation) -> list[Change]:
        """Processes an observation; returns the resulting changes, oldest first.

        Of two observations of one modality and moment, the one of higher quality counts.
        """
        self._learn(observation)
        before = self._newest.get(observation.modality)
        if before is not None and before.captured_s == observation.captured_s:
            observation = max(before, observation, key=_rank)
        self._newest[observation.modality] = observation
        now_s = max(one.captured_s for one in self._newest.values())
        self._forget_old(now_s)
        # Sorted by name, so that the order of arrival within one moment does not matter.
        known = [self._relative(self._newest[modality]) for modality in sorted(self._newest)]
        belief = fuse(known, self._strategy, self._model, now_s, self._fusion.half_life_s)
        smoothed = self._smoothing.take(belief.probabilities, belief.captured_s)
        belief = Belief(smoothed, belief.contributions, belief.captured_s)
        return list(self._episodes.follow(belief, now_s))

    def newest_s(self, modality: str) -> float | None:
        """Returns the time of a modality's newest observation, None if there is none."""
        newest = self._newest.get(modality)
        return None if newest is None else newest.captured_s

    def pass_time(self, now_s: float) -> list[Change]:
        """Confirms or ends beliefs by the passage of time; see `fusion.max_age_s`."""
        self._forget_old(now_s)
        belief = self.state.belief
        if belief is None:
            return []
        if not self._newest:
            return self.finish(now_s)
        newest = max(self._newest.values(), key=lambda one: one.captured_s)
        if not self._episodes.has_rival or newest.modality in MOMENTARY:
            return []
        return list(self._episodes.follow(belief, now_s))

    def finish(self, now_s: float) -> list[Change]:
        """Ends the current belief; keeps what is known of the person."""
        self._newest = {}
        self._smoothing = Smoothing(self._tracking.smoothing_s)
        return list(self._episodes.finish(now_s))

    def _relative(self, observation: Observation) -> Observation:
        """Returns the observation relative to the person's baseline."""
        baseline = self._baselines.get(observation.modality)
        if baseline is None:
            return observation
        return replace(observation, probabilities=baseline.correct(observation.probabilities))

    def _learn(self, observation: Observation) -> None:
        """Adds the observation before this one to the baseline, with what was then believed.

        That is the belief of a moment that is over, so that the order of arrival within one moment
        does not matter.
        """
        if observation.captured_s > self._moment_s:
            self._settled, self._moment_s = self.state.belief, observation.captured_s
        before = self._newest.get(observation.modality)
        baseline = self._baselines.get(observation.modality)
        if baseline is not None and before is not None and self._settled is not None:
            lasted_s = min(observation.captured_s - before.captured_s, MAX_STEP_S)
            baseline.learn(before.probabilities, self._settled.probabilities, lasted_s)

    def _forget_old(self, now_s: float) -> None:
        oldest_s = now_s - self._fusion.max_age_s
        self._newest = {
            modality: one for modality, one in self._newest.items() if one.captured_s >= oldest_s
        }
