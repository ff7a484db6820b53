"""Turns one subject's beliefs into a state and into episodes that do not flap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from edge.config import Tracking
from edge.emotions import EMOTIONS, Emotion
from edge.values import Belief

Phase = Literal["start", "update", "end"]


@dataclass(frozen=True)
class State:
    """Current belief about one subject."""

    emotion: Emotion | Literal["unknown"]
    belief: Belief | None
    """None if nothing was observed for a while."""
    faces: int
    subject: int
    captured_s: float
    """Time of the newest observation behind the belief."""

    @property
    def confidence(self) -> float:
        """Probability of `emotion`, or of the most probable emotion while it is unknown."""
        if self.belief is None:
            return 0.0
        if self.emotion == "unknown":
            return self.belief.confidence
        return float(self.belief.probabilities[EMOTIONS.index(self.emotion)])


@dataclass(frozen=True)
class Change:
    """Start, marked change or end of an episode."""

    episode: str
    """Id shared by all changes of an episode."""
    sequence: int
    """0 at the start, counting up to the end."""
    phase: Phase
    state: State
    started_s: float

    @property
    def duration_s(self) -> float:
        """Duration of the episode so far."""
        return max(self.state.captured_s - self.started_s, 0.0)


@dataclass
class _Episode:
    id: str
    emotion: Emotion
    started_s: float
    reported_confidence: float
    reported_s: float
    sequence: int = 0


class Episodes:
    """Episodes of one subject's emotions.

    Another emotion takes over once it has led by `hysteresis` for its dwell time. An emotion starts
    only at or above `min_confidence` and ends below `min_confidence - hysteresis`. Updates come at
    least `min_interval_s` after the change before them.
    """

    def __init__(
        self,
        config: Tracking,
        subject: int,
        started_s: float,
        new_id: Callable[[], str],
        min_interval_s: float,
    ) -> None:
        self._config, self._new_id, self._min_interval_s = config, new_id, min_interval_s
        self._rival: tuple[str, float] | None = None
        self._rival_before: tuple[str, float] | None = None
        """Rival at the moment before `_moment_s`."""
        self._moment_s = started_s
        self._episode: _Episode | None = None
        self.subject, self.faces = subject, 0
        self._emotion: Emotion | Literal["unknown"] = "unknown"
        self._belief: Belief | None = None
        self._captured_s = started_s

    @property
    def state(self) -> State:
        """Current belief about the subject."""
        return State(self._emotion, self._belief, self.faces, self.subject, self._captured_s)

    @property
    def has_rival(self) -> bool:
        """True while another emotion leads, but not yet for its dwell time."""
        return self._rival is not None

    def follow(self, belief: Belief, now_s: float) -> Iterator[Change]:
        """Processes the belief at `now_s`; yields the resulting changes, oldest first.

        Of several beliefs at one moment, the last one decides on the rival.
        """
        if now_s > self._moment_s:
            self._rival_before, self._moment_s = self._rival, now_s
        else:
            self._rival = self._rival_before
        favoured = self._favoured(belief)
        if favoured == self._emotion:
            self._rival = None
        elif self._rival is None or self._rival[0] != favoured:
            self._rival = (favoured, now_s)
        if self._rival is None or now_s - self._rival[1] < self._config.dwell_s(favoured):
            self._move(self._emotion, belief, belief.captured_s)
            # No updates while a rival leads.
            if self._rival is None:
                yield from self._update()
            return
        self._rival = None
        yield from self._end(belief.captured_s)
        self._move(favoured, belief, belief.captured_s)
        if favoured != "unknown":
            self._episode = _Episode(
                self._new_id(),
                favoured,
                belief.captured_s,
                self.state.confidence,
                belief.captured_s,
            )
            yield self._change(self._episode, "start")

    def finish(self, now_s: float) -> Iterator[Change]:
        """Ends the current episode."""
        self._rival = None
        yield from self._end(now_s)
        self._move("unknown", None, now_s)

    def _favoured(self, belief: Belief) -> Emotion | Literal["unknown"]:
        """Returns the emotion that the belief favours, with hysteresis for the current one."""
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
        step = abs(self.state.confidence - self._episode.reported_confidence)
        since_s = self._captured_s - self._episode.reported_s
        if step >= self._config.update_step and since_s >= self._min_interval_s:
            yield self._change(self._episode, "update")

    def _end(self, now_s: float) -> Iterator[Change]:
        if self._episode is not None:
            self._move(self._episode.emotion, self._belief, now_s)
            yield self._change(self._episode, "end")
            self._episode = None

    def _change(self, episode: _Episode, phase: Phase) -> Change:
        change = Change(episode.id, episode.sequence, phase, self.state, episode.started_s)
        episode.sequence += 1
        episode.reported_confidence = self.state.confidence
        episode.reported_s = self._captured_s
        return change
