"""The moments of a clip, as a device in front of it would live through them."""

from edge.perception.features import Pixels
from edge.tracking.episodes import State
from edge.tracking.held import Answer, Held
from edge.values import SAMPLE_RATE_HZ, Observation, Sound
from emotiond.live import Live
from emotiond.results import Moment, of_observation, of_state


class Timeline:
    """Follows a clip's pictures and sound in step; notes a moment every `step_s`.

    `sound` is the whole sound track, if there is one. The answer is unknown below `min_confidence`.
    """

    def __init__(
        self, live: Live, sound: Sound | None, step_s: float, min_confidence: float
    ) -> None:
        self._live, self._step_s = live, step_s
        self._sound = sound
        self._heard_s = 0.0
        self._moments: list[Moment] = []
        self._held = Held(min_confidence)
        self._state: State | None = None
        self._face: Observation | None = None
        self._speech: Observation | None = None
        self.duration_s = 0.0 if sound is None else len(sound) / SAMPLE_RATE_HZ

    def frame(self, pixels: Pixels, captured_s: float) -> Observation | None:
        """Adds the next picture; returns the primary face in it."""
        self._hear(captured_s)
        self._face = self._live.see(pixels, captured_s).primary
        self.duration_s = max(self.duration_s, captured_s)
        self._note(captured_s)
        return self._face

    def finish(self) -> tuple[Moment, ...]:
        """Hears the rest of the sound; returns all moments."""
        self._face = None
        while self._heard_s < self.duration_s:
            next_s = min(self._heard_s + self._step_s, self.duration_s)
            self._hear(next_s)
            self._heard_s = next_s
            self._note(next_s)
        self._held.end(self.duration_s)
        return tuple(self._moments)

    @property
    def answer(self) -> tuple[Answer, State] | None:
        """The emotion that held longest, and the last state; None if nothing was observed."""
        answer = self._held.answer()
        return None if answer is None or self._state is None else (answer, self._state)

    def _hear(self, until_s: float) -> None:
        if self._sound is None:
            return
        block = self._sound[round(self._heard_s * SAMPLE_RATE_HZ) : round(until_s * SAMPLE_RATE_HZ)]
        if len(block):
            self._speech = next(reversed(self._live.hear(block, until_s)), self._speech)
        self._heard_s = until_s

    def _note(self, now_s: float) -> None:
        state = self._live.state(now_s)
        if state.belief is not None:
            self._state = state
            self._held.add(state.emotion, state.belief.probabilities, now_s)
        if self._moments and now_s < self._moments[-1].time_s + self._step_s:
            return
        self._moments.append(
            Moment(
                time_s=round(now_s, 3),
                face=None if self._face is None else of_observation(self._face),
                speech=None if self._speech is None else of_observation(self._speech),
                fused=of_state(state),
            )
        )
        self._speech = None
