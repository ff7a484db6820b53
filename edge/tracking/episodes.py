"""One subject's beliefs in time, told as a state and as stays of emotions that do not flap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from edge.config import Tracking
from edge.emotions import EMOTIONS, Emotion
from edge.values import Belief

Phase = Literal["start", "update", "end"]


@dataclass(frozen=True)
class State:
    """What is believed now of one subject."""

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


class Episodes:
    """The stays of one subject's emotions.

    Another emotion takes over once it has been ahead by `hysteresis` for its dwell time. None is
    believed below `min_confidence`, and one that is believed no longer once it is as far below.
    """

    def __init__(
        self, config: Tracking, subject: int, started_s: float, new_id: Callable[[], str]
    ) -> None:
        self._config, self._new_id = config, new_id
        self._rival: tuple[str, float] | None = None
        self._rival_before: tuple[str, float] | None = None
        """At the moment before `_moment_s`."""
        self._moment_s = started_s
        self._episode: _Episode | None = None
        self.subject, self.faces = subject, 0
        self._emotion: Emotion | Literal["unknown"] = "unknown"
        self._belief: Belief | None = None
        self._captured_s = started_s

    @property
    def state(self) -> State:
        """What is believed now."""
        return State(self._emotion, self._belief, self.faces, self.subject, self._captured_s)

    @property
    def on_trial(self) -> bool:
        """Whether another emotion is ahead, and has not been so for long enough."""
        return self._rival is not None

    def follow(self, belief: Belief, now_s: float) -> Iterator[Change]:
        """Takes in what is believed at `now_s`; gives the changes it leads to, oldest first.

        Of several beliefs at one moment the last one decides who is on trial.
        """
        if now_s > self._moment_s:
            self._rival_before, self._moment_s = self._rival, now_s
        else:
            self._rival = self._rival_before
        wanted = self._wanted(belief)
        if wanted == self._emotion:
            self._rival = None
        elif self._rival is None or self._rival[0] != wanted:
            self._rival = (wanted, now_s)
        if self._rival is None or now_s - self._rival[1] < self._config.dwell_s(wanted):
            self._move(self._emotion, belief, belief.captured_s)
            # While another emotion is on trial, nothing is told of this one.
            if self._rival is None:
                yield from self._update()
            return
        self._rival = None
        yield from self._end(belief.captured_s)
        self._move(wanted, belief, belief.captured_s)
        if wanted != "unknown":
            confidence = self.state.confidence
            self._episode = _Episode(self._new_id(), wanted, belief.captured_s, confidence)
            yield self._tell(self._episode, "start")

    def finish(self, now_s: float) -> Iterator[Change]:
        """Ends what is believed."""
        self._rival = None
        yield from self._end(now_s)
        self._move("unknown", None, now_s)

    def _wanted(self, belief: Belief) -> Emotion | Literal["unknown"]:
        """What the belief speaks for, with an advantage for what is believed already."""
        current, slack = self._emotion, self._config.hysteresis
        if current != "unknown":
            held = float(belief.probabilities[EMOTIONS.index(current)])
            if held >= self._config.min_confidence - slack and belief.confidence <= held + slack:
                return current
        return belief.emotion if belief.confidence >= self._config.min_confidence else "unknown"

    def _move(
        self, emotion: Emotion | Literal["unknown"], belief: Belief | None, captured_s: float
    ) -> None:
        self._emotion, self._belief, self._captured_s = emotion, belief, captured_s

    def _update(self) -> Iterator[Change]:
        if self._episode is None:
            return
        step = abs(self.state.confidence - self._episode.told_confidence)
        if step >= self._config.update_step:
            yield self._tell(self._episode, "update")

    def _end(self, now_s: float) -> Iterator[Change]:
        if self._episode is not None:
            self._move(self._episode.emotion, self._belief, now_s)
            yield self._tell(self._episode, "end")
            self._episode = None

    def _tell(self, episode: _Episode, phase: Phase) -> Change:
        change = Change(episode.id, episode.sequence, phase, self.state, episode.started_s)
        episode.sequence += 1
        episode.told_confidence = self.state.confidence
        return change
