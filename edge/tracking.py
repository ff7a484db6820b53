"""Beliefs in time: smoothed, held against flapping, told as states and events."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edge.config import Fusion, Tracking
from edge.emotions import EMOTIONS, Emotion, FloatArray, softmax
from edge.fusion import SMALLEST_PROBABILITY, Reliabilities, log_linear
from edge.observation import NOBODY_SEEN, Belief, Observation, Sighting

# One picture is a moment, and must be confirmed by the next; a text or a stretch of speech is a
# statement that stands until something speaks against it.
MOMENTARY = frozenset({"face"})

Phase = Literal["start", "update", "end"]


@dataclass(frozen=True)
class State:
    """What is believed now."""

    emotion: Emotion | Literal["unknown"]
    belief: Belief | None
    """None where nothing has been observed for a while."""
    faces: int
    subject: int
    captured_s: float
    """Of the newest observation that led here."""

    @property
    def confidence(self) -> float:
        """Probability of `emotion`; of the most probable one while it is unknown."""
        if self.belief is None:
            return 0.0
        if self.emotion == "unknown":
            return self.belief.confidence
        return float(self.belief.probabilities[EMOTIONS.index(self.emotion)])


@dataclass(frozen=True)
class Change:
    """The start, a marked change, or the end of one emotion's stay."""

    episode: str
    """One id for all changes of a stay."""
    sequence: int
    """0 for the start, counting up to the end."""
    phase: Phase
    state: State
    started_s: float

    @property
    def duration_s(self) -> float:
        """How long the stay has lasted."""
        return max(self.state.captured_s - self.started_s, 0.0)


@dataclass
class _Episode:
    id: str
    emotion: Emotion
    started_s: float
    told_confidence: float
    sequence: int = 0


class Tracker:
    """Follows the primary subject, to whom voice and text belong; others are not told of yet.

    The fused belief is smoothed exponentially in log space. Another emotion takes over once it
    has been ahead by `hysteresis` for `min_dwell_s`; below `min_confidence` none is believed.
    `started_s` is the moment from which nothing is known.
    """

    def __init__(
        self,
        config: Tracking,
        fusion: Fusion,
        reliabilities: Reliabilities,
        started_s: float,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._config, self._fusion, self._reliabilities = config, fusion, reliabilities
        self._new_id = new_id
        self._newest: dict[str, Observation] = {}
        self._smoothed: FloatArray | None = None
        self._smoothed_s = 0.0
        self._rival: tuple[str, float] | None = None
        self._episode: _Episode | None = None
        self._presence_s = started_s
        self.state = State("unknown", None, 0, NOBODY_SEEN, started_s)

    def observe(self, item: Observation | Sighting) -> list[Change]:
        """Takes in what was perceived; gives the changes it leads to, oldest first."""
        if isinstance(item, Observation):
            return self._take(item) if item.subject in (NOBODY_SEEN, self.state.subject) else []
        self._presence_s = item.captured_s
        changes: list[Change] = []
        if item.primary_subject is not None:
            changes += self._turn_to(item.primary_subject, item.captured_s)
        self.state = replace(self.state, faces=item.faces)
        if item.primary is not None:
            changes += self._take(item.primary)
        return changes

    def _turn_to(self, subject: int, now_s: float) -> list[Change]:
        """Ends what was believed of another person; what was said before anyone was seen stays."""
        others = self.state.subject not in (NOBODY_SEEN, subject)
        ended = self.finish(now_s) if others else []
        self.state = replace(self.state, subject=subject)
        return ended

    def _take(self, item: Observation) -> list[Change]:
        self._newest[item.modality] = item
        now_s = max(one.captured_s for one in self._newest.values())
        self._forget_old(now_s)
        belief = log_linear(
            list(self._newest.values()), self._reliabilities, now_s, self._fusion.half_life_s
        )
        belief = self._smooth(belief)
        return list(self._follow(belief, belief.captured_s))

    def pass_time(self, now_s: float) -> list[Change]:
        """Lets statements take effect, and ends what is older than `fusion.max_age_s`."""
        self._forget_old(now_s)
        if now_s - self._presence_s > self._fusion.max_age_s and self.state.faces:
            self.state = replace(self.state, faces=0)
        belief = self.state.belief
        if belief is None:
            return []
        if not self._newest:
            return self.finish(now_s)
        if self._rival is None or not belief.contributions.keys() - MOMENTARY:
            return []
        return list(self._follow(belief, now_s))

    def finish(self, now_s: float) -> list[Change]:
        """Ends what is believed and starts afresh."""
        self._newest = {}
        self._smoothed = self._rival = None
        ended = list(self._end(now_s))
        self.state = State("unknown", None, 0, NOBODY_SEEN, now_s)
        return ended

    def _forget_old(self, now_s: float) -> None:
        oldest_s = now_s - self._fusion.max_age_s
        self._newest = {
            modality: one for modality, one in self._newest.items() if one.captured_s >= oldest_s
        }

    def _smooth(self, belief: Belief) -> Belief:
        logs = np.log(np.maximum(belief.probabilities, SMALLEST_PROBABILITY))
        elapsed_s = max(belief.captured_s - self._smoothed_s, 0.0)
        keep = 0.0
        if self._smoothed is not None and self._config.smoothing_s > 0:
            keep = float(np.exp(-elapsed_s / self._config.smoothing_s))
            logs = keep * self._smoothed + (1 - keep) * logs
        self._smoothed = logs.astype(np.float32)
        self._smoothed_s = max(belief.captured_s, self._smoothed_s)
        return Belief(softmax(self._smoothed), belief.contributions, belief.captured_s)

    def _follow(self, belief: Belief, now_s: float) -> Iterator[Change]:
        current, wanted = self.state.emotion, self._wanted(belief)
        if wanted == current:
            self._rival = None
        elif self._rival is None or self._rival[0] != wanted:
            self._rival = (wanted, now_s)
        settled = self._rival is not None and now_s - self._rival[1] >= self._config.min_dwell_s
        if not settled:
            self._move(current, belief, belief.captured_s)
            # While another emotion is on trial, nothing is told of this one.
            if self._rival is None:
                yield from self._update()
            return
        self._rival = None
        yield from self._end(now_s)
        self._move(wanted, belief, belief.captured_s)
        if wanted != "unknown":
            confidence = self.state.confidence
            self._episode = _Episode(self._new_id(), wanted, belief.captured_s, confidence)
            yield self._tell(self._episode, "start")

    def _wanted(self, belief: Belief) -> Emotion | Literal["unknown"]:
        """What the belief speaks for, with an advantage for what is believed already."""
        current, slack = self.state.emotion, self._config.hysteresis
        if current != "unknown":
            held = float(belief.probabilities[EMOTIONS.index(current)])
            if held >= self._config.min_confidence - slack and belief.confidence <= held + slack:
                return current
        return belief.emotion if belief.confidence >= self._config.min_confidence else "unknown"

    def _move(
        self, emotion: Emotion | Literal["unknown"], belief: Belief | None, captured_s: float
    ) -> None:
        self.state = State(emotion, belief, self.state.faces, self.state.subject, captured_s)

    def _update(self) -> Iterator[Change]:
        if self._episode is None:
            return
        step = abs(self.state.confidence - self._episode.told_confidence)
        if step >= self._config.update_step:
            yield self._tell(self._episode, "update")

    def _end(self, now_s: float) -> Iterator[Change]:
        if self._episode is not None:
            self._move(self._episode.emotion, self.state.belief, now_s)
            yield self._tell(self._episode, "end")
            self._episode = None

    def _tell(self, episode: _Episode, phase: Phase) -> Change:
        change = Change(episode.id, episode.sequence, phase, self.state, episode.started_s)
        episode.sequence += 1
        episode.told_confidence = self.state.confidence
        return change
